/** Completion scripts for three shells, from the definitions. They are static: pressing Tab starts no program. */
import type { OptionDefinition } from './command.ts'
import { allOptions, type Documented, flagsOf } from './reference.ts'

export const completionScripts = { bash: bashScript, zsh: zshScript, fish: fishScript }

const isTop = ({ path }: Documented): boolean => !path.includes(' ')
const argumentChoices = ({ definition }: Pick<Documented, 'definition'>): string[] =>
  (definition.arguments ?? []).flatMap(argument => argument.choices ?? [])

const wordsOf = ({ definition, subcommands }: Documented): string[] => [
  ...subcommands,
  ...argumentChoices({ definition }),
  ...allOptions(definition).flatMap(flagsOf),
  '--help',
]

function bashScript(all: Documented[]): string {
  const top = all.filter(isTop).map(({ path }) => path)
  const cases = all.map(
    command => `    '${command.path}') words='${wordsOf(command).join(' ')}'${takesPath(command) ? ' paths=yes' : ''} ;;`,
  )
  const values = choices(all).map(({ flags, words }) => `    ${flags.join(' | ')}) words='${words.join(' ')}' ;;`)
  return `# bash completion of fettle
_fettle() {
  local words= paths= word index is_value= command= sub= current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $is_value ]]; then is_value=; continue; fi
    case $word in
      ${valueFlags(all).join(' | ')}) is_value=yes ;;
      -*) ;;
      *) if [[ ! $command ]]; then command=$word; elif [[ ! $sub ]]; then sub=$word; fi ;;
    esac
  done
  case $previous in
    ${pathFlags(all).join(' | ')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
${values.join('\n')}
    ${freeFlags(all).join(' | ')}) COMPREPLY=(); return ;;
  esac
  if [[ $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi
  case "$command $sub" in ${subPattern(all)}) command="$command $sub" ;; esac
  case $command in
    '') words='${top.join(' ')} help --version --help' ;;
    help) words='${top.join(' ')}' ;;
${cases.join('\n')}
  esac
  if [[ $paths && $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _fettle fettle
`
}

const optionsOfAll = (all: Documented[]): OptionDefinition[] => all.flatMap(command => allOptions(command.definition))

/** What is followed by a word of its own. */
const valueFlags = (all: Documented[]): string[] => [
  ...new Set(
    optionsOfAll(all)
      .filter(({ flags }) => /<[a-z-]+(\.{3})?>/.test(flags))
      .flatMap(flagsOf),
  ),
]

/** What is followed, everywhere, by a word of which nothing is known here. */
function freeFlags(all: Documented[]): string[] {
  const bare = optionsOfAll(all).filter(({ flags }) => !/<[a-z-]+(\.{3})?>/.test(flags))
  const known = new Set([...pathFlags(all), ...choices(all).flatMap(({ flags }) => flags), ...bare.flatMap(flagsOf)])
  return valueFlags(all).filter(flag => !known.has(flag))
}

const takesPath = ({ definition }: Documented): boolean =>
  (definition.arguments ?? []).some(({ name }) => /^[[<](file|folder|path)[\]>]$/.test(name))

/** What is followed by one of a few words. */
function choices(all: Documented[]): { flags: string[]; words: string[] }[] {
  const known = new Map(optionsOfAll(all).map(option => [option.flags, option]))
  return [...known.values()].flatMap(option => (option.choices === undefined ? [] : [{ flags: flagsOf(option), words: option.choices }]))
}

/** What is followed by a path. */
const pathFlags = (all: Documented[]): string[] => {
  const options = optionsOfAll(all).filter(({ flags }) => /<(file|path|folder)>/.test(flags))
  return [...new Set(options.flatMap(flagsOf))].sort()
}

const subPattern = (all: Documented[]): string =>
  all
    .filter(command => !isTop(command))
    .map(({ path }) => `'${path}'`)
    .join(' | ')

function zshScript(all: Documented[]): string {
  const described = (commands: { name: string; summary: string }[]): string =>
    commands.map(({ name, summary }) => zshQuote(`${name}:${summary}`)).join(' ')
  const top = all.filter(isTop).map(({ path, summary }) => ({ name: path, summary }))
  const subs = all
    .filter(command => command.subcommands.length > 0)
    .map(({ path, subcommands }) => {
      const list = subcommands.map(name => ({ name, summary: all.find(other => other.path === `${path} ${name}`)?.summary ?? '' }))
      return `    ${path}) ((CURRENT == 3)) && { local -a subs=(${described(list)}); _describe subcommand subs; return } ;;`
    })
  const cases = all.map(
    command => `    '${command.path}') options=(${zshOptions(command)}) arguments=(${argumentChoices(command).join(' ')}) ;;`,
  )
  return `#compdef fettle
_fettle() {
  local -a commands=(${described(top)}) options arguments
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case $words[2] in
${subs.join('\n')}
  esac
  local command=$words[2]
  case "$words[2] $words[3]" in ${subPattern(all)}) command="$words[2] $words[3]" ;; esac
  case $command in
${cases.join('\n')}
  esac
  local -a values
  case $words[CURRENT-1] in
${choices(all)
  .map(({ flags, words }) => `    ${flags.join('|')}) values=(${words.join(' ')}) ;;`)
  .join('\n')}
  esac
  if (($#values)); then _describe value values
  elif [[ $words[CURRENT] == -* ]]; then _describe option options
  elif (($#arguments)); then _describe argument arguments
  else _files; fi
}
if [[ $funcstack[1] == _fettle ]]; then _fettle "$@"; else compdef _fettle fettle; fi
`
}

const zshOptions = (command: Documented): string =>
  allOptions(command.definition)
    .flatMap(option => flagsOf(option).map(flag => zshQuote(`${flag}:${option.says}`)))
    .join(' ')

/** A colon in a description would end it. */
function zshQuote(text: string): string {
  const [name = '', ...rest] = text.split(':')
  return `'${[name, rest.join('\\:')].join(':').replaceAll("'", "'\\''")}'`
}

function fishScript(all: Documented[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = all.flatMap(command => {
    const [name = '', sub] = command.path.split(' ')
    const parent = all.find(({ path }) => path === name)
    const when =
      sub === undefined
        ? '__fettle_needs_command'
        : `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${parent?.subcommands.join(' ')}`
    const seen =
      sub === undefined
        ? `__fish_seen_subcommand_from ${name}`
        : `__fish_seen_subcommand_from ${name}; and __fish_seen_subcommand_from ${sub}`
    const options = command.subcommands.length > 0 ? [] : allOptions(command.definition)
    return [
      `complete -c fettle -f -n ${quote(when)} -a ${sub ?? name} -d ${quote(command.summary)}`,
      ...options.map(
        option => `complete -c fettle -n ${quote(seen)} ${fishFlags(flagsOf(option))}${fishValues(option)} -d ${quote(option.says)}`,
      ),
      ...argumentChoices(command).map(choice => `complete -c fettle -f -n ${quote(seen)} -a ${choice}`),
    ]
  })
  return `# fish completion of fettle
function __fettle_needs_command
  set -l words (commandline -opc)
  set -e words[1]
  set -l is_value no
  for word in $words
    if test $is_value = yes
      set is_value no
      continue
    end
    switch $word
      case ${valueFlags(all).join(' ')}
        set is_value yes
      case '-*'
      case '*'
        return 1
    end
  end
  test $is_value = no
end
${lines.join('\n')}
`
}

const fishFlags = (flags: string[]): string =>
  flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')

const fishValues = ({ choices }: OptionDefinition): string => (choices === undefined ? '' : ` -x -a '${choices.join(' ')}'`)
