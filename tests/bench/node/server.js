'use strict'
// The onboarding as one would write it with fastify and pg: the same SQL functions, nonces sealed with an HMAC,
// tenants remembered for five seconds, bodies checked by the skill's own schemas, what is stored of a person encrypted under a
// key of the session's own. One process a processor.
const cluster = require('node:cluster')
const crypto = require('node:crypto')
const fastify = require('fastify')
const { Pool } = require('pg')

const { PORT, DATABASE, SECRET, SKILL, SKILL_ID, CONNECTIONS } = process.env
const WORKERS = 2, NONCE_TTL = 1800, SESSION_TTL = 86400, REPEAT = 120, CACHE_MS = 5000
const skill = JSON.parse(SKILL)

const text = { type: 'string' }
const body = (members) => ({
  type: 'object', additionalProperties: false, required: Object.keys(members), properties: members
})

function sha256 (data) { return crypto.createHash('sha256').update(data).digest() }
function mac (data) { return crypto.createHmac('sha256', SECRET).update(data).digest() }

function seal (claims) {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return payload + '.' + mac(payload).toString('base64url')
}

function open (token, kind) {
  const [payload, tag] = token.split('.')
  const wanted = mac(payload), given = Buffer.from(tag || '', 'base64url')
  if (given.length !== wanted.length || !crypto.timingSafeEqual(given, wanted)) return null
  const claims = JSON.parse(Buffer.from(payload, 'base64url'))
  return claims.kind === kind ? claims : null
}

// Version 7: 48 bits of milliseconds, then what is given or random.
function uuid7 (time, rest = crypto.randomBytes(10)) {
  const id = Buffer.alloc(16)
  id.writeUIntBE(time, 0, 6)
  rest.copy(id, 6, 0, 10)
  id[6] = 0x70 | (id[6] & 15)
  id[8] = 0x80 | (id[8] & 63)
  const hex = id.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

// AES-256-GCM; a session's key is stored, and travels in its nonces, under the one that the server has.
const MASTER = sha256('data' + SECRET)

function encrypt (key, data, place) {
  const iv = crypto.randomBytes(12), cipher = crypto.createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place))
  return Buffer.concat([iv, cipher.update(data), cipher.final(), cipher.getAuthTag()])
}

function decrypt (key, sealed, place) {
  const cipher = crypto.createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(Buffer.from(place))
  cipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()])
}

class Refusal extends Error {
  constructor (statusCode, code) { super(code); this.statusCode = statusCode }
}

function serve () {
  const pool = new Pool({ connectionString: DATABASE, max: CONNECTIONS / WORKERS })
  const app = fastify()
  const tenants = new Map()
  const expiry = (seconds) => new Date(seconds * 1000).toISOString().replace('.000', '')
  const now = () => Math.floor(Date.now() / 1000)

  async function call (name, sql, values) {
    return (await pool.query({ name, text: sql, values })).rows[0]
  }

  async function tenantOf (clientId, hash) {
    let known = tenants.get(clientId)
    if (!known || Date.now() - known.at > CACHE_MS) {
      const row = await call('tenant', 'SELECT finq.tenant_seen($1, $2) AS tenant', [clientId, hash])
      known = { at: Date.now(), tenant: row.tenant && JSON.parse(row.tenant) }
      tenants.set(clientId, known)
    }
    return known.tenant
  }

  app.post('/v1/sessions', { schema: { body: body({ client_id: text, client_app_key: text, skill: text }) } }, async (request) => {
    const { client_id: clientId, client_app_key: appKey, skill: name } = request.body
    const hash = sha256(appKey)
    const tenant = await tenantOf(clientId, hash)
    if (!tenant) throw new Refusal(401, 'invalid_client_id')
    const key = tenant.app_keys.find((k) => crypto.timingSafeEqual(Buffer.from(k.hash, 'hex'), hash))
    if (!key) throw new Refusal(401, 'invalid_client_app_key')
    if (!tenant.active || name !== skill.name || !tenant.skills.includes(+SKILL_ID)) throw new Refusal(401, 'unauthorized_tenant')
    const started = Date.now(), sessionId = uuid7(started), expires = now() + NONCE_TTL
    const dataKey = encrypt(MASTER, crypto.randomBytes(32), sessionId).toString('base64url')
    const nonce = seal({ kind: 'nonce', client: clientId, session: sessionId, started, ordinal: 1, key: key.key_id, expires, data: dataKey })
    return { nonce, session_id: sessionId, status: 'SESSION_CREATED', expires_at: expiry(expires), next_step: skill.steps[0].name }
  })

  const step = { schema: { body: body({ client_id: text, nonce: text, skill: text, step: text, data: { type: 'object' } }) } }
  const checks = skill.steps.map((s) => s.schema)
  app.post('/v1/sessions/:id/steps', step, async (request) => {
    const { client_id: clientId, nonce, skill: name, step: stepName, data } = request.body
    const claims = open(nonce, 'nonce')
    if (!claims || claims.client !== clientId) throw new Refusal(401, 'invalid_nonce')
    if (claims.expires <= now()) throw new Refusal(401, 'expired_nonce')
    if (claims.session !== request.params.id) throw new Refusal(404, 'invalid_session_id')
    const wanted = skill.steps[claims.ordinal - 1], last = claims.ordinal === skill.steps.length
    if (name !== skill.name) throw new Refusal(400, 'invalid_skill_name')
    if (stepName !== wanted.name) throw new Refusal(400, 'invalid_step')
    if (!request.validateInput(data, checks[claims.ordinal - 1])) throw new Refusal(400, 'invalid_input')
    const stepId = uuid7(claims.started, mac(claims.session + claims.ordinal))
    const wrapped = Buffer.from(claims.data, 'base64url'), dataKey = decrypt(MASTER, wrapped, claims.session)
    const row = await call('step', 'SELECT outcome, step_id, expires_at FROM finq.submit_step($1, $2, $3, $4, $5, $6, $7, $8, ' +
      '$9, $10, $11, $12, $13, $14, $15, $16, $17, 0, $18, $19, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, $20)', [clientId, claims.session, SKILL_ID, claims.ordinal, claims.key, null,
      Math.floor(claims.started / 1000), claims.expires, stepId, stepName, sha256(JSON.stringify(request.body)),
      encrypt(dataKey, JSON.stringify(data), 'step' + stepId), '{}', last ? 'SESSION_COMPLETED' : 'SESSION_IN_PROGRESS', 1, NONCE_TTL, SESSION_TTL, claims.ordinal,
      last ? 0 : claims.ordinal + 1, wrapped])
    if (row.outcome !== 'ok') throw new Refusal(400, row.outcome)
    const expires = +row.expires_at
    const token = seal({ ...claims, kind: last ? 'temp' : 'nonce', ordinal: claims.ordinal + 1, expires })
    return last
      ? { step_id: row.step_id, temp_token: token, status: 'SESSION_COMPLETED', data: {}, expires_at: expiry(expires), uploads: [] }
      : { step_id: row.step_id, nonce: token, status: 'SESSION_IN_PROGRESS', data: {}, expires_at: expiry(expires),
          next_step: skill.steps[claims.ordinal].name, uploads: [] }
  })

  const exchange = { schema: { body: body({ client_id: text, client_secret: text, temp_token: text }) } }
  app.post('/v1/token', exchange, async (request) => {
    const { client_id: clientId, client_secret: secret, temp_token: temp } = request.body
    const claims = open(temp, 'temp')
    const salt = crypto.randomBytes(16), credentialsId = uuid7(Date.now())
    const token = mac(Buffer.concat([salt, Buffer.from(credentialsId)])).toString('base64url')
    const row = await call('exchange', 'SELECT outcome, credentials_id, salt, consent_exp, max_data_retention ' +
      'FROM finq.exchange_token($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [clientId, sha256(secret),
      claims && claims.client === clientId ? claims.session : null, claims ? claims.expires : 0, '{}', credentialsId,
      sha256(token), salt, 1, REPEAT])
    if (row.outcome !== 'ok') throw new Refusal(401, row.outcome)
    const standing = mac(Buffer.concat([row.salt, Buffer.from(row.credentials_id)])).toString('base64url')
    return { access_token: standing, credentials_id: row.credentials_id, consent_exp: expiry(+row.consent_exp),
      max_data_retention: expiry(+row.max_data_retention) }
  })

  app.listen({ port: +PORT, host: '127.0.0.1' })
}

if (cluster.isPrimary) {
  for (let i = 0; i < WORKERS; i++) cluster.fork()
} else {
  serve()
}
