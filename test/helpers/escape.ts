/** What a hostile release tries in a sandbox. Sent there as text: it needs nothing but Node. */
export interface Prey {
  /** What should not be touched, or even seen. */
  home: string
  source: string
  /** Paths below the home. */
  unseen: string[]
  /** Of a live service, and of the agent. */
  pids: number[]
  /** Paths of servers' sockets outside. */
  sockets: string[]
  /** Value of a secret that only the live service has. */
  secret: string
}

/** Each attempt by name, with `refused` or what it brought. */
export async function escape({ home, source, unseen, pids, sockets, secret }: Prey): Promise<Record<string, string>> {
  const { readdirSync, readFileSync, writeFileSync, appendFileSync, rmSync, existsSync } = process.getBuiltinModule('node:fs')
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { connect } = process.getBuiltinModule('node:net')
  const found: Record<string, string> = {}
  const attempt = (name: string, deed: () => unknown) => {
    try {
      const got = deed()
      found[name] = got === undefined || got === '' ? 'refused' : `got ${String(got).slice(0, 200)}`
    } catch (error) {
      found[name] = (error as NodeJS.ErrnoException).code === undefined ? String(error) : 'refused'
    }
  }
  const write = (path: string) => {
    appendFileSync(path, 'written by the release under test')
    return path
  }
  /** Succeeds when the command line does, or when it shows something. */
  const shell = (line: string) => {
    const { status, stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
    return status === 0 ? `${line}: ${stdout}` : undefined
  }
  for (const path of unseen) {
    attempt(`see ${path}`, () => (existsSync(`${home}/${path}`) ? path : undefined))
    attempt(`write ${path}`, () => write(`${home}/${path}`))
  }
  attempt('make something at home', () => write(`${home}/new`))
  attempt('list the home', () =>
    readdirSync(home)
      .filter(name => !['scratch', 'artifacts', 'apps'].includes(name))
      .join(),
  )
  attempt('write the source', () => write(`${source}/index.js`))
  attempt('remove the source', () => rmSync(`${source}/index.js`))
  for (const path of ['/etc/fettle-escape', '/usr/fettle-escape', '/var/lib/fettle-escape', '/fettle-escape', '/dev/fettle-escape'])
    attempt(`write ${path}`, () => write(path))
  for (const path of ['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches'])
    attempt(`write ${path}`, () => writeFileSync(path, '|/tmp/run-me'))
  const cgroup = readFileSync('/proc/self/mountinfo', 'utf8').match(/ (\/sys\/fs\/cgroup\S*) .* - cgroup/)?.[1]
  if (cgroup !== undefined) attempt('make a control group', () => shell(`mkdir ${cgroup}/fettle-escape`))
  for (const pid of pids) {
    attempt(`signal ${pid}`, () => process.kill(pid, 'SIGKILL') && pid)
    attempt(`read the environment of ${pid}`, () => readFileSync(`/proc/${pid}/environ`))
    attempt(`enter ${pid}`, () => shell(`nsenter --target ${pid} --mount true`))
  }
  attempt('find the secret in any process', () => {
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)) {
      const text = spawnSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' }).stdout
      if (text.includes(secret)) return pid
    }
  })
  attempt('walk out through the first process', () => shell('ls /proc/1/root/'))
  attempt('trace the first process', () => shell('cat /proc/1/mem'))
  attempt('uncover what is hidden', () => shell(`umount ${home} || umount /proc || umount -l /`))
  attempt('lift the ban on writing', () => shell('mount -o remount,bind,rw / || mount -o remount,rw /proc || mount -o remount,rw /sys'))
  attempt('mount over something', () => shell('mount -t tmpfs x /tmp'))
  attempt('become powerful in a new user namespace', () => shell(`unshare --user --map-root-user --mount umount ${home}`))
  attempt('take another root', () => shell('mkdir -p /tmp/root && chroot /tmp/root /bin/true'))
  attempt('make a device', () => shell('mknod /tmp/disk b 8 0 || mknod /dev/shm/disk b 8 0 || mknod /tmp/memory c 1 1'))
  attempt('see a device', () =>
    readdirSync('/dev')
      .filter(name => /^(sd|vd|nvme|loop|dm|mem|kmsg|kvm|fuse|pts)/.test(name))
      .join(),
  )
  attempt('gain by a set-user-id program', () =>
    readFileSync('/proc/self/status', 'utf8').includes('NoNewPrivs:\t1') ? undefined : 'it may',
  )
  attempt('keep a power', () => {
    const held = BigInt(`0x${/CapBnd:\s+(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`)
    const wanted = {
      sys_admin: 21n,
      sys_ptrace: 19n,
      sys_module: 16n,
      sys_rawio: 17n,
      mknod: 27n,
      dac_read_search: 2n,
      net_admin: 12n,
      sys_chroot: 18n,
    }
    return Object.entries(wanted)
      .flatMap(([name, bit]) => ((held >> bit) & 1n ? [name] : []))
      .join()
  })
  const perl = (code: string) => shell(`perl -e '${code}'`)
  attempt('make a socket that no network of its own confines', () =>
    perl(
      '@made = grep { my $family = $_; grep { socket(my $made, $family, $_, 0) } 1 .. 5 } grep { !/^(1|2|10|16)$/ } 0 .. 63; print "@made"; exit !@made',
    ),
  )
  attempt('make sockets by io_uring', () => perl('my $how = "\\0" x 120; exit(syscall(425, 1, $how) < 0)'))
  const keyctl = process.arch === 'x64' ? 250 : 219
  attempt('reach the keys of the machine', () => perl(`exit(syscall(${keyctl}, 0, -4, 1) < 0)`))
  for (const socket of sockets)
    found[`talk to a server on ${socket}`] = await new Promise(resolve => {
      connect(socket, () => resolve('got connected')).on('error', () => resolve('refused'))
    })
  return found
}
