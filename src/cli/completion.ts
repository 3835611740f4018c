/** Completion scripts for three shells, from the definitions. They are static: pressing Tab starts no program. */
import { allOptions, type Documented, flagsOf } from './reference.ts'

export const completionScripts = { bash: bashScript, zsh: zshScript, fish: fishScript }

const isTop = ({ path }: Documented): boolean => !path.includes(' ')
const wordsOf = (command: Documented): string[] => [...command.subcommands, ...allOptions(command.definition).flatMap(flagsOf), '--help']

function bashScript(all: Documented[]): string {
  const cases = all.map(command => `    '${command.path}') words='${wordsOf(command).join(' ')}' ;;`)
  return `# bash completion of fettle
_fettle() {
  local words current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]} sub=\${COMP_WORDS[2]-}
  case $previous in ${pathFlags(all).join(' | ')}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${all
      .filter(isTop)
      .map(({ path }) => path)
      .join(' ')} help --version --help' -- "$current"))
    return
  fi
  ((COMP_CWORD > 2)) && case "$command $sub" in ${subPattern(all)}) command="$command $sub" ;; esac
  case $command in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _fettle fettle
`
}

/** What is followed by a path. */
const pathFlags = (all: Documented[]): string[] => {
  const options = all.flatMap(command => allOptions(command.definition)).filter(({ flags }) => /<(file|path|folder)>/.test(flags))
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
  const cases = all.map(command => `    '${command.path}') options=(${zshOptions(command)}) ;;`)
  return `#compdef fettle
_fettle() {
  local -a commands=(${described(top)}) options
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
  if [[ $words[CURRENT] == -* ]]; then _describe option options; else _files; fi
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
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${parent?.subcommands.join(' ')}`
    const seen =
      sub === undefined
        ? `__fish_seen_subcommand_from ${name}`
        : `__fish_seen_subcommand_from ${name}; and __fish_seen_subcommand_from ${sub}`
    const options = command.subcommands.length > 0 ? [] : allOptions(command.definition)
    return [
      `complete -c fettle -f -n ${quote(when)} -a ${sub ?? name} -d ${quote(command.summary)}`,
      ...options.map(option => `complete -c fettle -n ${quote(seen)} ${fishFlags(flagsOf(option))} -d ${quote(option.says)}`),
    ]
  })
  return `# fish completion of fettle\n${lines.join('\n')}\n`
}

const fishFlags = (flags: string[]): string =>
  flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')
