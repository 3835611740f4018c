// GET /-/ready answers 200 with the version of Verdaccio when a file can be written to the storage and 503 when not, as on a full disk.
// Verdaccio's own /-/ping answers as long as the process runs.
const { randomUUID } = require('node:crypto')
const { rm, writeFile } = require('node:fs/promises')
const { join } = require('node:path')
const { version } = require('verdaccio/package.json')

module.exports = (_options, { config, logger }) => ({
  register_middlewares(app) {
    app.get('/-/ready', async (_request, response) => {
      const probe = join(config.storage, `.ready-${randomUUID()}`)
      try {
        await writeFile(probe, '')
        response.json({ ready: true, version })
      } catch (error) {
        logger.error({ error: error.message }, 'the storage can not be written: @{error}')
        response.status(503).json({ ready: false, version, why: error.code })
      } finally {
        await rm(probe, { force: true })
      }
    })
  },
})
