/** Every kind of mistake, the place where it is told, and the words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemLines } from '../../../test/helpers/spec-problems.ts'

const REFUSED: [title: string, text: string, expected: string[]][] = [
  ['an empty file', '', ['1:1: the file is empty; it needs at least `app: <name>`']],
  ['a file of comments', '# nothing\n', ['1:1: the file is empty; it needs at least `app: <name>`']],
  ['a list', '- app', ['1:1: expected a map such as `app: <name>`, found a list']],
  ['a single word', 'hello', ['1:1: expected a map such as `app: <name>`, found a single value']],
  ['a file without a name', 'services: {}', ['1:1: "app" is missing (name of the application)']],
  ['a name that is a number', 'app: 7', ['1:6: expected text, found a number']],
  [
    'a name with capitals',
    'app: Shop',
    ['1:6: expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long; found Shop'],
  ],
  ['a newer format', 'fettle: 2\napp: a\nnew: key', ['1:9: the file has format 2; this fettle reads format 1: upgrade fettle']],
  ['a format that is no number', 'fettle: one\napp: a', ['1:9: expected 1']],
  ['a format in quotes', 'fettle: "1"\napp: a', ['1:9: expected 1 without quotes']],
  ['a key that stands twice', 'app: a\nservices: {}\napp: b', ['3:1: the key "app" stands here twice']],
  ['a tab as indentation', 'app: a\nservices:\n\tweb: {}', ['3:1: a tab indents this line; YAML wants spaces']],
  ['two documents', 'app: a\n---\napp: b', ['2:1: a second YAML document begins here; the file holds one']],
  ['a tag', 'app: !name a', ['1:6: tags (!…) have no meaning here']],
  ['a value with a colon', 'app: a: b', ['1:6: a second key in one line; a value with a colon and a space in it needs quotes']],
  [
    'a star without quotes',
    'app: a\nroutes: [{ host: *, to: web }]',
    ['2:18: a * without quotes begins an alias; a plain star is written "*"'],
  ],
  [
    'a reference without quotes inside braces',
    'app: a\nservices: { web: { run: x, env: { A: ${stores.d.path} } } }',
    ['2:39: inside { } and [ ] a value with ${…} needs quotes'],
  ],
  ['a quote that stays open', 'app: "a', ['1:1: a " is opened and not closed']],
  [
    'a bracket that stays open, at the last line that holds something',
    'app: a\nservices:\n  web: { run: x\n\n',
    ['3:3: a { is opened and not closed'],
  ],
  ['a bracket that stays open above another key', 'app: a\nbuild: [a,\nroutes: []', ['3:1: a [ is opened and not closed']],
  [
    'an alias to nothing',
    'app: a\nx-a: &base {}\nservices: { web: *bse }',
    ['3:18: no anchor &bse stands before this alias; did you mean "base"?'],
  ],
  ['a merge of a list', 'app: a\nservices: { web: { <<: [[1]], run: x } }', ['2:25: << merges maps only']],
  ['a map as a key', 'app: a\n? [b]\n: c', ['2:3: a key must be text']],
  ['a NUL byte', 'app: a\0b', ['1:7: a control character (0x00) cannot stand in the file']],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x61, 0x3a, 0x20, 0xff]).toString(),
    ['1:4: bytes that are not UTF-8 cannot stand in the file'],
  ],
  ['an unknown section', 'app: a\nservces: {}', ['2:1: unknown key "servces"; did you mean "services"?']],
  ['an unknown key like no other', 'app: a\nstores: { data: { zzzzzz: x } }', ['2:19: unknown key "zzzzzz"; known here: sqlite, files']],
  ['a misspelt kind of store', 'app: a\nstores: { data: { sqlitee: x.db } }', ['2:19: unknown key "sqlitee"; did you mean "sqlite"?']],
  [
    'a store of two kinds',
    'app: a\nstores: { data: { sqlite: x.db, files: . } }',
    ['2:11: expected only one of the keys sqlite, files; found sqlite and files'],
  ],
  ['a store of no kind', 'app: a\nstores: { data: {} }', ['2:11: expected one of the keys sqlite, files']],
  ['a store that is text', 'app: a\nstores: { data: x.db }', ['2:17: expected a map, found text']],
  [
    'a database outside the store',
    'app: a\nstores: { a: { sqlite: ../x.db }, b: { sqlite: sub/x.db }, c: { sqlite: /a/../b.db } }',
    ['../x.db', 'sub/x.db', '/a/../b.db'].map(
      (name, index) =>
        `2:${[24, 48, 73][index]}: expected a plain file name, or the absolute path of a database that something else runs; found ${name}`,
    ),
  ],
  [
    'what the system would take for the end of it: in a command, a variable, a path, a query',
    'app: a\nsource: "a\\0"\nservices: { w: { run: "a\\0", env: { A: "a\\0" }, ready: { http: "/\\0" } } }\nbackups: { repository: { directory: "a\\0" }, drill: { expect: [{ sql: "a\\0", files: "a\\0" }] } }',
    ['2:9', '3:23', '3:40', '3:64', '4:37', '4:71', '4:85'].map(
      place =>
        `${place}: expected ${place === '3:64' ? 'a path that starts with / and is written as in a request (no spaces; ä is %C3%A4), such as /health; found /' : 'text without NUL bytes; found a'}\u{fffd}`,
    ),
  ],
  [
    'a folder outside the store, behind a second line',
    'app: a\nstores: { a: { files: "a\\n/../../x" } }',
    ['2:23: expected a folder inside the store (no ..), or the absolute path of a folder that something else fills; found a /../../x'],
  ],
  [
    'a folder outside the store',
    'app: a\nstores: { a: { files: ../x } }',
    ['2:23: expected a folder inside the store (no ..), or the absolute path of a folder that something else fills; found ../x'],
  ],
  ['a build that is a number', 'app: a\nbuild: 3', ['2:8: expected text or a list, found a number']],
  ['an empty command', 'app: a\nservices: { web: { run: "" } }', ['2:25: must not be empty']],
  [
    'a service without a command',
    'app: a\nservices: { web: {} }',
    ['2:13: "run" is missing (the command that runs, by `sh -c` in the folder of the release; it gets PORT)'],
  ],
  [
    'an environment that changes a service whose name was mistyped',
    'app: a\nservices: { web: { run: x } }\nenvironments: { staging: { services: { wbe: { instances: 1 } } } }',
    ['3:40: "run" is missing (the command that runs, by `sh -c` in the folder of the release; it gets PORT); did you mean "web"?'],
  ],
  ['a word for a number', 'app: a\nservices: { web: { run: x, instances: two } }', ['2:39: expected a number, found text']],
  ['half an instance', 'app: a\nservices: { web: { run: x, instances: 1.5 } }', ['2:39: expected a whole number, found 1.5']],
  ['no instance', 'app: a\nservices: { web: { run: x, instances: 0 } }', ['2:39: expected at least 1, found 0']],
  ['less than none', 'app: a\nservices: { web: { run: x, instances: -1 } }', ['2:39: expected at least 1, found -1']],
  ['too many instances', 'app: a\nservices: { web: { run: x, instances: 5000 } }', ['2:39: expected at most 1000, found 5000']],
  [
    'a duration without a unit',
    'app: a\nservices: { web: { run: x, stop: { drain: 10 } } }',
    ['2:43: expected a duration of at most ten years, such as 30s or 1h30m; found 10'],
  ],
  [
    'a duration that is impossible',
    'app: a\nservices: { web: { run: x, stop: { drain: 99999999w } } }',
    ['2:43: expected a duration of at most ten years, such as 30s or 1h30m; found 99999999w'],
  ],
  [
    'a time limit of nothing',
    'app: a\nservices: { web: { run: x, ready: { tcp: true, within: 0s } } }',
    ['2:56: expected a duration above 0 and of at most ten years, such as 30s or 1h30m; found 0s'],
  ],
  [
    'a limit in which no program starts',
    'app: a\nservices: { web: { run: x, limits: { memory: 1K } } }',
    ['2:46: expected at least 6MB: with less no program starts; 128M to 512M is usual for a small web service; found 1K'],
  ],
  [
    'the same as a number',
    'app: a\nservices: { web: { run: x, limits: { memory: 256 } } }',
    ['2:46: expected at least 6MB: with less no program starts; 128M to 512M is usual for a small web service; found 256'],
  ],
  [
    'backups of which none is kept',
    'app: a\nbackups: { keep: { last: 0, daily: 0 } }',
    [
      '2:18: expected a number above 0: with zeros alone every snapshot but the newest proven one is removed; usual is { daily: 7, weekly: 4, monthly: 12 }, {} keeps all',
    ],
  ],
  [
    'a size that is none',
    'app: a\nservices: { web: { run: x, limits: { memory: 1Q } } }',
    ['2:46: expected a size, such as 256M or 2kB; found 1Q'],
  ],
  ['more than all', 'app: a\nrelease: { bake: { errors: 101% } }', ['2:28: expected a percentage, such as 5%; found 101%']],
  [
    'a misspelt signal',
    'app: a\nservices: { web: { run: x, stop: { signal: SIGTRM } } }',
    ['2:44: expected one of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2; did you mean "SIGTERM"?'],
  ],
  [
    'a misspelt mode in its short form',
    'app: a\nrelease: { rehearse: newest }',
    ['2:22: expected one of on, newest-proven, off; did you mean "newest-proven"?'],
  ],
  [
    'the right keys of a rehearsal with a wrong value',
    'app: a\nrelease: { rehearse: { mode: new, at-most: 5 } }',
    [
      '2:30: expected one of on, newest-proven, off; did you mean "newest-proven"?',
      '2:44: expected a duration above 0 and of at most ten years, such as 30s or 1h30m; found 5',
    ],
  ],
  [
    'a version range of a package',
    'app: a\nsource: { npm: verdaccio@^6.1 }',
    [
      '2:16: expected package and exact version, such as verdaccio@6.1.0: a range or a tag would be another program tomorrow; found verdaccio@^6.1',
    ],
  ],
  ['a secret that stands twice', 'app: a\nsecrets: [KEY, OTHER, KEY]', ['2:23: the secret "KEY" stands here twice']],
  [
    'a variable with a dash',
    'app: a\nservices: { web: { run: x, env: { A-B: 1 } } }',
    ['2:35: expected a name of letters, digits and _, not starting with a digit; found A-B'],
  ],
  [
    'a variable without a value',
    'app: a\nservices: { web: { run: x, env: { A: } } }',
    ['2:35: expected text or a number or true or false, found nothing'],
  ],
  [
    'a host with a scheme',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "http://a", to: web }]',
    ['3:18: expected a host name without scheme, port or path, such as shop.example.com, or *; found http://a'],
  ],
  [
    'a route to nowhere',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "*", to: wbe }]',
    ['3:27: no service "wbe"; did you mean "web"?'],
  ],
  ['a route in a file without services', 'app: a\nroutes: [{ host: "*", to: web }]', ['2:27: no service "web"; `services:` names none']],
  [
    'two routes with one address',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: A.b, path: /x/, to: web }, { host: a.B, path: /x, to: web }]',
    ['3:53: an earlier route has the same host and path'],
  ],
  [
    'a store that does not exist',
    'app: a\nservices: { web: { run: x, env: { D: "in ${stores.dat.path}" } } }\nstores: { data: { files: . } }',
    ['2:42: no store "dat" in ${stores.dat.path}; did you mean "data"?'],
  ],
  [
    'a secret that is not declared',
    'app: a\nservices: { web: { run: x, env: { D: "${secrets.KEY}" } } }',
    ['2:39: no secret "KEY" in ${secrets.KEY}; `secrets:` names none'],
  ],
  [
    'a reference with a wrong root',
    'app: a\nservices: { web: { run: x, env: { D: "${store.data.path}" } } }\nstores: { data: { files: . } }',
    [
      '2:39: ${store.data.path}: expected ${stores.<name>.path}, ${secrets.<NAME>}, ${environment}, ${app} or ${release}; a plain ${ is written $${; did you mean "${stores.data.path}"?',
    ],
  ],
  ...[
    ['${stores.data.pth}', '${stores.data.path}'],
    ['${stores.dta}', '${stores.data.path}'],
    ['${stores.data.path', '${stores.data.path}'],
    ['${secrets.KEI.value}', '${secrets.KEY}'],
    ['${ap.name}', '${app}'],
  ].map(([written = '', meant]): (typeof REFUSED)[number] => [
    `the reference ${written}`,
    `app: a\nservices: { web: { run: x, env: { D: "${written}" } } }\nstores: { data: { files: . } }\nsecrets: [KEY]`,
    [
      `2:39: ${written}: ${written.endsWith('}') ? 'expected ${stores.<name>.path}, ${secrets.<NAME>}, ${environment}, ${app} or ${release}' : 'a reference begins here and is not closed'}; a plain \${ is written $\${; did you mean "${meant}"?`,
    ],
  ]),
  ...['${stores}', '${store}', '${stores.path}', '${zzzzzz}'].map((written): (typeof REFUSED)[number] => [
    `the reference ${written}, near to none`,
    `app: a\nservices: { web: { run: x, env: { D: "${written}" } } }\nstores: { data: { files: . } }`,
    [
      `2:39: ${written}: expected \${stores.<name>.path}, \${secrets.<NAME>}, \${environment}, \${app} or \${release}; a plain \${ is written $\${`,
    ],
  ]),
  [
    'a secret in a command',
    'app: a\nservices: { web: { run: "x ${secrets.KEY}" } }\nsecrets: [KEY]',
    ['2:28: ${secrets.KEY} would stand in the list of processes; put it into `env` and use the variable here'],
  ],
  [
    'a store in a build',
    'app: a\nbuild: [a, "x ${stores.data.path}"]\nstores: { data: { files: . } }',
    ['2:15: a build is the same for every environment and cannot use ${stores.data.path}'],
  ],
  [
    'a PORT of its own',
    'app: a\nservices: { web: { run: x, env: { PORT: 9 } } }\nrelease: { migrate: x, env: { PORT: 9 } }',
    ['2:41: fettle gives each instance a PORT of its own: this one would never be seen'],
  ],
  [
    'two of a singleton',
    'app: a\nservices: { web: { run: x, singleton: true, instances: 2 } }',
    ['2:56: a singleton never runs twice: expected 1, or `singleton: false`'],
  ],
  [
    'a check that never comes',
    'app: a\nservices: { web: { run: x, ready: { uptime: 1m } } }',
    ['2:45: would never be ready: `uptime` is not shorter than `within`'],
  ],
  [
    'a test of an unknown service',
    'app: a\nservices: { web: { run: x } }\nrelease: { test: [{ http: /, service: wbe }] }',
    ['3:39: no service "wbe"; did you mean "web"?'],
  ],
  [
    'a test that nobody answers',
    'app: a\nrelease: { test: [{ http: / }] }',
    ['2:19: there is no route, so the test must name its `service`'],
  ],
  [
    'a test of the body of HEAD',
    'app: a\nservices: { w: { run: x } }\nrelease: { test: [{ http: /, service: w, method: HEAD, contains: x }] }',
    ['3:50: an answer to HEAD has no body to look into'],
  ],
  [
    'an expectation of nothing',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ at-least: 1 }] } }',
    ['3:30: expected one of `sql` and `files`'],
  ],
  [
    'an expectation without a comparison',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ files: "*" }] } }',
    ['3:30: expected a comparison: `at-least`, `at-most` (or both), or `equals`'],
  ],
  [
    'SQL on files',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ sql: select 1, equals: 1 }] } }',
    ['3:37: the store d holds files and cannot be asked in SQL'],
  ],
  [
    'an expectation that does not say of which store',
    'app: a\nstores: { d: { files: . }, e: { files: . } }\nbackups: { drill: { expect: [{ files: "*", equals: 1 }] } }',
    ['3:30: expected `store`: there is more than one'],
  ],
  [
    'an overlay with the name of the app',
    'app: a\nenvironments: { s: { app: b } }',
    ['2:22: "app" is the same in every environment and cannot stand here'],
  ],
  ['an overlay that is a list', 'app: a\nenvironments: { s: [] }', ['2:20: expected a map of what differs in s']],
  ['environments as a list', 'app: a\nenvironments: [s]', ['2:15: expected a map such as `staging: {}`']],
  [
    'an overlay that removes what is not there',
    'app: a\nservices: { web: { run: x } }\nenvironments: { s: { services: { wbe: null } } }',
    ['3:34: nothing to remove: the rest of the file has no "wbe" here; did you mean "web"?'],
  ],
  [
    'what is right until an environment takes away what it needs',
    'app: a\nservices: { web: { run: x, ready: { uptime: 40s, within: 1m } } }\nroutes: [{ host: "*", to: web }, { host: a.b, to: web }]\nenvironments:\n  production: {}\n  staging: { services: { web: null } }\n  test: { services: { web: { ready: { within: 20s } } } }',
    [
      '6:3: what differs in staging makes line 3 wrong: no service "web"; `services:` names none',
      '7:3: what differs in test makes line 2 wrong: would never be ready: `uptime` is not shorter than `within`',
    ],
  ],
  [
    'what is wrong without an environment too',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "*", to: wbe }]\nenvironments: { staging: { services: { web: { instances: 2 } } }, production: }',
    ['3:27: no service "wbe"; did you mean "web"?'],
  ],
  [
    'what an environment makes of two kinds',
    'app: a\nstores: { data: { files: . } }\nenvironments: { staging: { stores: { data: { sqlite: a.db } } } }',
    ['3:38: expected only one of the keys sqlite, files; found files and sqlite'],
  ],
  [
    'what an environment refers to',
    'app: a\nservices: { web: { run: x } }\nenvironments: { staging: { routes: [{ host: "*", to: web }, { host: a, to: wbe }] } }',
    ['3:76: no service "wbe"; did you mean "web"?'],
  ],
  ['an item that is nothing', 'app: a\nroutes: [null]', ['2:10: expected a map, found nothing']],
  ['a number without end', 'app: a\nrelease: { bake: { latency: .inf } }', ['2:29: expected a number, found .inf']],
  ['a tag that makes something else of a value', 'app: a\nservices: !!set { w }', ['2:17: tags (!…) have no meaning here']],
  ['a letter that only looks right', 'app: a\ns\u0435rvices: {}', ['2:1: unknown key "s\\u0435rvices"; did you mean "services"?']],
  [
    'a letter of a name that only looks right',
    'app: a\nservices: { w\u0435b: { run: x } }\nroutes: [{ host: "*", to: web }]',
    [
      '2:13: expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long; found w\\u0435b',
      '3:27: no service "web"; there is w\\u0435b',
    ],
  ],
  [
    'a name that would be wrong too',
    'app: a\nservices: { Web: { run: x } }\nroutes: [{ host: "*", to: web }]',
    [
      '2:13: expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long; found Web',
      '3:27: no service "web"; there is Web',
    ],
  ],
  [
    'a sign that nobody sees',
    'app: a\u200b',
    ['1:6: expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long; found a\\u200b'],
  ],
  [
    'a reference where a name is taken as it stands',
    'app: a\nsource: "../${app}"\nservices: { w: { run: x, ready: { http: "/${release}" } } }\nstores: { d: { sqlite: "${app}.db" } }\nroutes: [{ host: a, path: "/${environment}", to: w }]\nbackups: { repository: { directory: "${stores.d.path}" } }',
    ['2:13: ${app}', '3:43: ${release}', '4:25: ${app}', '5:29: ${environment}', '6:38: ${stores.d.path}'].map(
      place => `${place} means nothing here: references stand in \`env\` and in commands`,
    ),
  ],
  [
    'a problem in an overlay that was not asked for, at the line of the overlay',
    'app: a\nservices: { web: { run: x } }\nenvironments:\n  production: {}\n  staging:\n    services: { web: { instances: many } }',
    ['6:35: expected a number, found text'],
  ],
]
for (const [title, text, expected] of REFUSED)
  test(`${title} is refused at its place`, () => {
    assert.deepEqual(problemLines(text), expected)
  })
