import type { CommandDefinition } from '../command.ts'

export const schema: CommandDefinition = {
  example: {
    line: 'fettle schema > fettle.schema.json',
    does: 'for an editor: `# yaml-language-server: $schema=fettle.schema.json` in the first line of the file',
  },
  async run(cli) {
    const { specJsonSchema } = await import('../../core/spec/json-schema.ts')
    cli.print(JSON.stringify(specJsonSchema(), undefined, 2))
    return 0
  },
}
