/** Programs for x86-64 that make a socket in the ways that no language offers: 0 is their exit status when they got one, else 1. */

const BASE = 0x400000
const HEADERS = 64 + 56
const TO_EXIT = [0xc1, 0xe8, 0x1f, 0x89, 0xc7, ...move('eax', 60), 0x0f, 0x05]
const BY_INTERRUPT = [0xcd, 0x80]
const BY_SYSCALL = [0x0f, 0x05]

/** Sets a register to 32 bits. */
function move(register: 'eax' | 'ecx' | 'edx' | 'ebx' | 'esi' | 'edi', value: number): number[] {
  const code = { eax: 0xb8, ecx: 0xb9, edx: 0xba, ebx: 0xbb, esi: 0xbe, edi: 0xbf }[register]
  return [code, ...little(value)]
}

function little(value: number): number[] {
  return [0, 8, 16, 24].map(bits => (value >>> bits) & 0xff)
}

/** The smallest ELF that Linux runs: all of the file, in memory at one place. */
function program(code: readonly number[]): Buffer {
  const file = Buffer.alloc(HEADERS + code.length)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  file.set([2, 0, 62, 0, 1], 16)
  file.writeBigUInt64LE(BigInt(BASE + HEADERS), 24)
  file.set([64], 32)
  file.set([64, 0, 56, 0, 1], 52)
  file.set([1, 0, 0, 0, 5], 64)
  for (const at of [80, 88]) file.writeBigUInt64LE(BigInt(BASE), at)
  for (const at of [96, 104]) file.writeBigUInt64LE(BigInt(file.length), at)
  file.set(code, HEADERS)
  return file
}

export const i386Socket = (family: number): Buffer =>
  program([...move('eax', 359), ...move('ebx', family), ...move('ecx', 1), ...move('edx', 0), ...BY_INTERRUPT, ...TO_EXIT])

export const x32Socket = (family: number): Buffer =>
  program([...move('eax', 0x40000000 + 41), ...move('edi', family), ...move('esi', 1), ...move('edx', 0), ...BY_SYSCALL, ...TO_EXIT])

export function i386Socketcall(family: number): Buffer {
  const call = (words: number) => [...move('eax', 102), ...move('ebx', 1), ...move('ecx', words), ...BY_INTERRUPT, ...TO_EXIT]
  return program([...call(BASE + HEADERS + call(0).length), ...[family, 1, 0].flatMap(little)])
}
