// Takes one walk a line, and answers a line each, in their order.
import './walks.mjs'
import { File } from 'node:buffer'
import { createInterface } from 'node:readline'

globalThis.File ??= File // Node 18 has none of its own there

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await globalThis.walk(JSON.parse(line))))
