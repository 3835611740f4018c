/**
 * What the first process of a sandbox runs: it builds the file system that is seen inside, walks into it for good, and stays, so that
 * all else in its namespaces ends with it. The old root is detached at the end: nothing is left that could be uncovered.
 */

/** What becomes of one path, in this order. What is hidden stays closed for writing once all that is below it has been put in place. */
export type Wall = readonly [
  /** `may-copy`: or read-only, where the kernel has no overlay for it. */
  how: 'hide' | 'show' | 'write' | 'copy' | 'may-copy',
  path: string,
]

/**
 * Perl is essential on Debian, iproute2 is not, and one process that asks the kernel is many times faster than one `mount` for each wall.
 * The numbers of these system calls, which came with Linux 5.2 and 5.12, are the same on every architecture.
 */
const LOOPBACK = String.raw`
my $up = pack('a16 s x22', 'lo', 0x49);
socket(my $socket, 2, 2, 0) or die "no socket: $!\n";
ioctl($socket, 0x8914, $up) or die "loopback can not be brought up: $!\n";
`

/**
 * All is seen through overlays: a unix socket is found by its inode, a pipe too, and there they have another one. So nobody who listens
 * outside is reached by any name, nor who comes later. An overlay shows one file system: what is mounted on it is put back, each behind
 * one of its own. Who is not root may not lay one over a folder with mounts below: such a folder is taken apart, and only what is in it
 * by now is seen. A mounted file system that no overlay can lie over is hidden; if it is the root's own, there is no sandbox.
 */
const WALLS = String.raw`
use strict;
my ($folder) = @ARGV;
my @walls = do { local (@ARGV, $/) = ("$folder/walls"); split /\0/, <> };
my ($here, $none, $root, $over, $copies, @hidden) = (-100, '', "$folder/root", "$folder/over", 0);
my ($READ_ONLY, $NO_SUID, $NO_DEVICES, $NO_EXEC, $DEEP) = (1, 2, 4, 8, 0x8000);
my @own = qw(/dev /proc /run /sys /tmp /var/tmp);
my @mounts = do { local @ARGV = '/proc/self/mountinfo'; map { my $path = (split / /)[4]; $path =~ s/\\(\d{3})/chr oct $1/ge; $path } <> };
@mounts = sort { length $a <=> length $b } grep { $_ ne '/' } keys %{{ map { $_ => 1 } @mounts }};
my %number = (open_tree => 428, move_mount => 429, fsopen => 430, fsconfig => 431, fsmount => 432, mount_setattr => 442);

sub try {
  my ($what, $call, @words) = @_;
  my $got = syscall($number{$call}, @words);
  die "$what: $call: $!\n" if $got == -1;
  return $got;
}
sub restrict {
  my ($path, $flags, $deep) = @_;
  my $set = pack('Q4', $flags, 0, 0, 0);
  try("restricting $path", 'mount_setattr', $here, $path, $deep, $set, 32);
}
sub attach {
  my ($mount, $path) = @_;
  try("covering $path", 'move_mount', $mount, $none, $here, $path, 4);
}
sub take {
  my ($from, $path, $deep) = @_;
  attach(try("taking $from", 'open_tree', $here, $from, 0x80001 | $deep), $path);
}
sub make {
  my ($type, $path, $flags, @settings) = @_;
  my $system = try("making $type", 'fsopen', $type, 1);
  while (my ($key, $value) = splice @settings, 0, 2) {
    defined $value ? try("$type with $key", 'fsconfig', $system, 1, $key, $value, 0) : try("$type with $key", 'fsconfig', $system, 0, $key, 0, 0);
  }
  try("making $type for $path", 'fsconfig', $system, 6, 0, 0, 0);
  attach(try("making $type for $path", 'fsmount', $system, 1, $flags), $path);
}
sub folder {
  my $path = '';
  for my $part (split m{/+}, $_[0]) { $path .= "$part/"; -d $path or mkdir $path or die "$path: $!\n" }
}
sub touch { open my $file, '>', $_[0] or die "$_[0]: $!\n" }
sub hide {
  my ($from, $path) = @_;
  return unless -e $from;
  if (-d _) {
    folder($path);
    make('tmpfs', $path, $NO_SUID | $NO_DEVICES, size => '64k', mode => '755');
    push @hidden, $path;
  } elsif (-e $path) {
    take('/dev/null', $path, 0);
  }
}
sub copy {
  my ($from, $path) = @_;
  my ($upper, $work) = map { my $path = "$over/$copies$_"; mkdir $path; $path } 'upper', 'work';
  $copies++;
  # The layer is named from within: no sign in its path can be taken for a separator.
  chdir $from or die "$from: $!\n";
  make('overlay', $path, $NO_SUID | $NO_DEVICES, userxattr => undef, lowerdir => '.', upperdir => $upper, workdir => $work);
}

sub is_own { my ($path) = @_; grep { $path eq $_ or index($path, "$_/") == 0 } @own }
sub is_door { -S $_[0] or -p _ }
sub cover {
  my ($path) = @_;
  copy($path || '/', "$root$path");
  restrict("$root$path", $READ_ONLY | $NO_SUID | $NO_DEVICES, 0);
}
sub lay {
  my ($path) = @_;
  my @below = grep { index($_, "$path/") == 0 } @mounts;
  if (eval { cover($path); 1 }) { return put_back(@below) }
  my $refused = $@;
  if (@below) { take_apart($path, @below) }
  elsif (chdir $path and (stat '.')[0] == (stat '/')[0]) { die $refused }
  else { empty($path) }
}
sub put_back {
  my @done;
  for my $mount (@_) {
    next if is_own($mount) or !-e $mount or grep { index($mount, "$_/") == 0 } @done;
    push @done, $mount;
    -d $mount ? lay($mount) : show_file($mount);
  }
}
sub take_apart {
  my ($folder, @below) = @_;
  empty($folder);
  my %name = map { substr($_, length "$folder/") =~ m{^([^/]+)} ? ($1 => 1) : () } @below;
  if (opendir my $list, "$folder/") { $name{$_} = 1 for grep { !/^\.\.?$/ } readdir $list }
  for my $path (map { "$folder/$_" } keys %name) {
    if (-l $path) { symlink readlink $path, "$root$path" }
    elsif (-d _) { mkdir "$root$path"; is_own($path) or lay($path) }
    elsif (-e _) { touch("$root$path"); show_file($path) }
  }
}
sub empty {
  my ($path) = @_;
  make('tmpfs', "$root$path", $NO_SUID | $NO_DEVICES, size => '1m', mode => '755');
  push @hidden, "$root$path";
}
sub show_file {
  my ($path) = @_;
  take(is_door($path) ? '/dev/null' : $path, "$root$path", 0);
  restrict("$root$path", $READ_ONLY | $NO_SUID | $NO_DEVICES, 0);
}

folder($_) for $root, $over, "$folder/tmp";
chmod 01777, "$folder/tmp";
make('tmpfs', $over, $NO_SUID | $NO_DEVICES, size => '128m', mode => '700');
lay('');
take('/sys', "$root/sys", $DEEP);
restrict("$root/sys", $READ_ONLY | $NO_SUID | $NO_DEVICES, $DEEP);
make('proc', "$root/proc", $READ_ONLY | $NO_SUID | $NO_DEVICES | $NO_EXEC);
make('tmpfs', "$root/dev", $NO_SUID | $NO_EXEC, size => '64k', mode => '755');
for my $device (map { "/dev/$_" } qw(null zero full random urandom tty)) { touch("$root$device"); take($device, "$root$device", 0) }
symlink $$_[0], "$root/dev/$$_[1]" for ['/proc/self/fd', 'fd'], ['fd/0', 'stdin'], ['fd/1', 'stdout'], ['fd/2', 'stderr'];
folder("$root/dev/shm");
make('tmpfs', "$root/dev/shm", $NO_SUID | $NO_DEVICES, size => '64m', mode => '1777');
restrict("$root/dev", $READ_ONLY | $NO_SUID | $NO_EXEC, 0);
for my $path (grep { -d "$root$_" } '/tmp', '/var/tmp') { take("$folder/tmp", "$root$path", 0); restrict("$root$path", $NO_SUID | $NO_DEVICES, 0) }

while (my ($how, $path) = splice @walls, 0, 2) {
  my $seen = "$root$path";
  if ($how eq 'hide') { hide($path, $seen); next }
  folder($seen);
  if ($how eq 'may-copy') { eval { copy($path, $seen) } }
  elsif ($how eq 'copy') { copy($path, $seen) }
  else {
    take($path, $seen, 0);
    restrict($seen, $NO_SUID | $NO_DEVICES | ($how eq 'show' ? $READ_ONLY : 0), 0);
  }
}
restrict($_, $READ_ONLY | $NO_SUID | $NO_DEVICES, 0) for @hidden;
`

/**
 * Says on the first line of the file `up` who it is, as the outside sees it, when its network is there, and on the second that all its
 * walls are.
 */
const HOLDER = `
PATH=/usr/sbin:/usr/bin:/sbin:/bin
folder=$1 loopback=$2 walls=$3 stay=$4
exec 9>"$folder/up"
read -r stat </proc/self/stat
who() {
  pid=$1
  shift 21
  echo "$pid $1"
}
set -f
perl -e "$loopback" && who $stat >&9 || exit
perl -e "$walls" "$folder" || exit
cd "$folder/root" && pivot_root . . && umount -l . && cd / || exit
echo closed >&9
exec 9>&-
eval "$stay"
`

/** As the first process it reaps what others leave. */
const STAY = 'while :; do sleep infinity & wait; done'

/** Text of the file `walls` that the script reads: a machine may have more of them than fit into an argv. */
export const wallsText = (walls: readonly Wall[]): string => walls.flat().join('\0')

/** argv that is run in new namespaces. @param folder holds `walls`, gets `root`, `over`, `tmp` and `up` @param stay what it does then */
export const holderArgv = (folder: string, stay = STAY): string[] => ['/bin/sh', '-c', HOLDER, 'sh', folder, LOOPBACK, WALLS, stay]

export interface Held {
  pid: number
  startTicks: number
  /** All its walls are up. */
  isClosed: boolean
}

/** From the file `up`; undefined while it says nothing. */
export function parseHeld(text: string): Held | undefined {
  const [, pid, startTicks, closed] = /^(\d+) (\d+)\n(closed\n)?$/.exec(text) ?? []
  return pid === undefined ? undefined : { pid: Number(pid), startTicks: Number(startTicks), isClosed: closed !== undefined }
}
