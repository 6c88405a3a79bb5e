// The beginning of an onboarding with the functions that oazapfts makes.
import * as api from "./oazapfts/client";

export async function begin(): Promise<string> {
  const started = await api.startSession({ client_id: "…", client_app_key: "…", skill: "xyz_card_sbx_#1.0" });
  if (started.status !== 200) throw new Error(started.data.code);
  const { session_id: sessionId, nonce, next_step: step } = started.data;
  const answer = await api.submitStep(sessionId, { client_id: "…", nonce, skill: "xyz_card_sbx_#1.0", step, data: { email: "ana@example.com" } });
  if (answer.status !== 200) throw new Error(answer.data.message);
  return answer.data.status === "SESSION_COMPLETED" ? answer.data.temp_token : answer.data.step_id;
}
