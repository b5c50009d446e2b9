// What the page asks of the admin door, and the token that this may take. The token stays in this page's memory.
const PATIENCE_MS = 10000;
let token = '';

export class DoorError extends Error {
  constructor(status, text, isDoors = false) {
    super(text);
    this.status = status; // of HTTP; 0: there was no answer
    this.isDoors = isDoors; // it said so itself, and not something on the way
  }
}

export function setToken(value) { token = value; }

// Null for what is no JSON.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// The answer's JSON; throws a DoorError. Paths are relative, so that the page may stand below a path of a proxy.
export async function ask(method, path, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await response.text();
  } catch (error) {
    throw new DoorError(0, error.name === 'TimeoutError' ? 'it took too long' : error.message);
  }
  const answer = parsed(text);
  const isDoors = response.ok || typeof answer?.error === 'string';
  if (answer === null || !isDoors) throw new DoorError(response.status, `something else has answered: ${response.status} ${response.statusText}`);
  if (!response.ok) throw new DoorError(response.status, answer.error, true);
  return answer;
}

export function changeBackend(pool, backend, change) {
  return ask('PATCH', `v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}`, change);
}
