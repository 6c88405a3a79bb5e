// The tenant's server: it serves the page, holds the client_secret, exchanges temp_tokens by signed calls, and receives events. Node
// alone, no framework. What it needs to know stands in the environment, as `make up` writes it into build/run/finq.env.
import { createHash, createHmac, createPrivateKey, randomUUID, sign, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";

const env = process.env, port = Number(process.argv[2] ?? 3000);
const here = (name) => readFileSync(new URL(name, import.meta.url));
const FILES = { "/": ["index.html", "text/html; charset=utf-8"], "/app.mjs": ["app.mjs", "text/javascript"] };
const events = new Map(); // by webhook-id: each comes at least once
const USER = "user-1"; // who is logged in here; a real application knows it by its own session

// ---- signed calls of the API (contract: a JWS over the body's digest, one for each request)

const key = createPrivateKey(readFileSync(env.FINQ_SIGNING_KEY));
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function bearer(body) {
  const now = Math.floor(Date.now() / 1000), issuer = env.FINQ_SIGNING_ISSUER;
  const claims = { iat: now, exp: now + 60, iss: issuer, sub: issuer, email: issuer, aud: "api.finqware.com", jti: randomUUID(),
                   digest: createHash("sha256").update(body).digest("base64") };
  const text = `${base64url({ alg: "RS256", typ: "JWT" })}.${base64url(claims)}`;
  return `Bearer ${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

// Tries once more where the answer was lost: the API answers the same again.
function api(path, members, tries = 2) {
  const body = JSON.stringify({ client_id: env.FINQ_CLIENT_ID, client_secret: env.FINQ_CLIENT_SECRET, ...members });
  const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), Authorization: bearer(body) };
  return new Promise((resolve, reject) => {
    const sent = request(`${env.FINQ_URL}/v1s${path}`, { method: "POST", headers, ca: readFileSync(env.FINQ_CA) }, async (answer) => {
      resolve({ status: answer.statusCode, body: JSON.parse(await text(answer)) });
    });
    sent.on("error", (fault) => tries > 1 ? resolve(api(path, members, tries - 1)) : reject(fault));
    sent.end(body);
  });
}

async function text(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

// ---- events (Standard Webhooks)

function isGenuine(headers, body) {
  const id = headers["webhook-id"], at = headers["webhook-timestamp"];
  const secret = Buffer.from(env.FINQ_EVENTS_SECRET.replace("whsec_", ""), "base64");
  const wanted = createHmac("sha256", secret).update(`${id}.${at}.${body}`).digest();
  return Math.abs(Date.now() / 1000 - Number(at)) < 300 && (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const given = Buffer.from(one.replace("v1,", ""), "base64");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

// ---- what the page and the API ask of this server

const ROUTES = {
  "GET /config": async () => ({ status: 200, body: { api: `${env.FINQ_URL}/v1`, client_id: env.FINQ_CLIENT_ID,
                                                     client_app_key: env.FINQ_CLIENT_APP_KEY, user: USER } }),
  // The token comes by way of a browser: whose it is, the API says. The access_token stays here.
  "POST /exchange": async (body) => {
    const { session_id, temp_token } = JSON.parse(body);
    const told = await api("/tokens", { temp_token });
    if (told.status !== 200) return told;
    if (told.body.tenant_user_id !== USER || told.body.session_id !== session_id)
      return { status: 403, body: { message: "This is another user's." } };
    return { status: 200, body: { credentials_id: told.body.credentials_id, consent_exp: told.body.consent_exp } };
  },
  "POST /events": async (body, headers) => {
    if (!isGenuine(headers, body)) return { status: 401, body: {} };
    events.set(headers["webhook-id"], JSON.parse(body));
    return { status: 200, body: {} };
  },
  "GET /events": async () => ({ status: 200, body: [...events.values()] }),
};

createServer(async (asked, answer) => {
  const [path] = asked.url.split("?"), file = asked.method === "GET" && FILES[path], route = ROUTES[`${asked.method} ${path}`];
  try {
    if (file) return void answer.writeHead(200, { "Content-Type": file[1] }).end(here(file[0]));
    const told = route ? await route(await text(asked), asked.headers) : { status: 404, body: {} };
    answer.writeHead(told.status, { "Content-Type": "application/json" }).end(JSON.stringify(told.body));
  } catch (fault) {
    console.error(fault);
    answer.writeHead(502, { "Content-Type": "application/json" }).end('{"message": "The server has a fault."}');
  }
}).on("error", (fault) => {
  console.error(fault.code === "EADDRINUSE" ? `Port ${port} is taken. Try: node server.mjs 5173` : fault.message);
  process.exitCode = 1;
}).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}/`));
