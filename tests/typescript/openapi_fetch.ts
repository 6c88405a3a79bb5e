// A whole onboarding with openapi-fetch and the types that openapi-typescript makes of conf/openapi.yaml. It is compiled, strictly;
// what each call needs and what its answer holds is the compiler's to know.
import createClient from "openapi-fetch";
import type { components, paths } from "./types";

type Credential = components["schemas"]["Credential"];
type Status = components["schemas"]["SessionStatus"];

const api = createClient<paths>({ baseUrl: "https://localhost:8443/v1" });
const client = { client_id: "…" };

function must<T>(answer: { data?: T; error?: { code: string; message: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.code);
  return answer.data;
}

async function submit(session_id: string, nonce: string, skill: string, step: string, data: Record<string, unknown>) {
  const body = { ...client, nonce, skill, step, data };
  return must(await api.POST("/sessions/{session_id}/steps", { params: { path: { session_id } }, body }));
}

async function upload(step_id: string, nonce: string, document: string, file: Blob) {
  const body = { ...client, nonce, document, file: file as unknown as string };
  return must(await api.POST("/steps/{step_id}/upload", {
    params: { path: { step_id } }, body, bodySerializer: (fields) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields ?? {})) form.append(name, value as string | Blob);
      return form;
    },
  }));
}

// What is told apart by status: no member has to be looked for that is not there.
function next(status: Status): string | undefined {
  switch (status.status) {
    case "SESSION_CREATED": return status.next_step;
    case "SESSION_IN_PROGRESS": return status.nonce ?? status.step;
    case "SESSION_COMPLETED": return status.temp_token;
    case "SESSION_FAILED": return status.reasons?.[0];
    default: return undefined;
  }
}

export async function onboard(fill: (schema: unknown) => Record<string, unknown>, file: Blob): Promise<Credential> {
  const [skill] = must(await api.POST("/catalogs/skills", { body: { ...client, client_app_key: "…", skill: "xyz_card_sbx_#1.0", language: "ro" } }));
  if (!skill) throw new Error("the tenant may not start it");
  const started = must(await api.POST("/sessions", { body: { ...client, client_app_key: "…", skill: skill.name, tenant_user_id: "ana" } }));
  let nonce = started.nonce, name: string | undefined = started.next_step;
  while (name !== undefined) {
    const step = skill.steps.find((one) => one.name === name);
    const answer = await submit(started.session_id, nonce, skill.name, name, fill(step?.schema));
    for (const wanted of answer.uploads) if (wanted.required) await upload(answer.step_id, nonce, wanted.document, file);
    if (answer.status === "SESSION_COMPLETED")
      return must(await api.POST("/tokens", { body: { ...client, client_secret: "…", temp_token: answer.temp_token } }));
    if (answer.status !== "SESSION_IN_PROGRESS") break;
    if (answer.nonce === undefined) location.assign(String(answer.data["url"]));
    nonce = answer.nonce ?? nonce;
    name = answer.next_step;
  }
  const path = { session_id: started.session_id };
  const status = must(await api.POST("/sessions/{session_id}/status", { params: { path }, body: { ...client, nonce, wait: 20 } }));
  must(await api.POST("/sessions/{session_id}/back", { params: { path }, body: { ...client, nonce } }));
  must(await api.POST("/sessions/{session_id}/cancel", { params: { path }, body: { ...client, nonce } }));
  throw new Error(next(status));
}
