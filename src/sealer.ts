/** A thread of the data worker that compresses, seals and writes one object, while its payload is made on the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveSealing } from './drivers/repositories/directory/seal.ts'

if (parentPort !== null) await serveSealing(parentPort, workerData)
