// Two of these at once would do everything twice. It writes down when it comes and goes, and whether it ever met another.
import { appendFileSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const book = join(process.env.DATA ?? '.', 'beats')
const lock = `${book}.lock`
const write = word => appendFileSync(book, `${word} ${process.pid}\n`)

function lockOrMeet() {
  try {
    writeSync(openSync(lock, 'wx'), String(process.pid))
  } catch {
    const other = Number(readFileSync(lock, 'utf8'))
    if (isAlive(other)) write('met')
    rmSync(lock, { force: true })
    lockOrMeet()
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

lockOrMeet()
write('begins')
setInterval(() => {}, 1000)
process.on('SIGTERM', () => {
  write('ends')
  rmSync(lock, { force: true })
  process.exit(0)
})
