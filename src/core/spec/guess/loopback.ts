/** Elsewhere the network of a container decides who may connect; here the front does, and on any other address an app would answer past it. */

/** The command, with loopback for every address that it names; Gunicorn takes all of them when it is told none. */
export const onLoopback = (command: string): string =>
  command
    .replace(/(?<![\d.])0\.0\.0\.0(?![\d.])|\[::\](?=:)|(?<![\w*])\*(?=:\$?[\d{A-Z])/g, '127.0.0.1')
    .replace(/((?:^|\s)(?:-b|--bind)[ =]?):(?=[\d$])/g, '$1127.0.0.1:')
    .replace(/\bgunicorn(?= )(?!.* (?:-b|--bind|-c|--config))/, 'gunicorn --bind 127.0.0.1:$PORT')
