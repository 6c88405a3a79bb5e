// Takes one walk a line, and answers a line each, in their order.
import './walks.mjs'
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await globalThis.walk(JSON.parse(line))))
