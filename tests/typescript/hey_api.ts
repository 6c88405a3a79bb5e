// The same with those that @hey-api/openapi-ts makes.
import { exchangeToken, startSession, submitStep } from "./hey-api";

export async function begin(): Promise<string> {
  const started = await startSession({ body: { client_id: "…", client_app_key: "…", skill: "xyz_card_sbx_#1.0" }, throwOnError: true });
  const { session_id, nonce, next_step: step } = started.data;
  const answer = await submitStep({
    path: { session_id }, body: { client_id: "…", nonce, skill: "xyz_card_sbx_#1.0", step, data: { email: "ana@example.com" } },
    throwOnError: true,
  });
  if (answer.data.status !== "SESSION_COMPLETED") return answer.data.step_id;
  const body = { client_id: "…", client_secret: "…", temp_token: answer.data.temp_token };
  return (await exchangeToken({ body, throwOnError: true })).data.access_token;
}
