// One way to ask the server: every failure is an ApiError with the server's own words.
import type { Answer } from "@/api/types";

/** What the server said went wrong, or that it could not be asked. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly kind: string,
    readonly status = 0,
  ) {
    super(message);
  }
}

type Parameters = Record<string, string | number | readonly string[] | undefined>;

/** `?a=1&b=2`, with a list as repeated parameters; empty for none. */
export function queryText(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const one of value) query.append(name, one);
    else query.append(name, `${value}`);
  }
  return query.size > 0 ? `?${query.toString()}` : "";
}

function messageOf(body: unknown, status: number): string {
  if (typeof body === "string" && body) return body;
  if (typeof body === "object" && body !== null) {
    const { error, message, errors } = body as { error?: unknown; message?: unknown; errors?: unknown };
    if (typeof error === "string") return error;
    if (typeof error === "object" && error !== null) {
      const { reason, root_cause: causes } = error as { reason?: string; root_cause?: { reason?: string }[] };
      const found = causes?.[0]?.reason ?? reason;
      if (found) return found;
    }
    if (typeof message === "string") return message;
    const first = Array.isArray(errors) ? (errors[0] as { msg?: string } | undefined) : undefined;
    if (first?.msg) return first.msg;
  }
  return `the server answered ${status}`;
}

interface Options {
  method?: string;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Below which address the page and its APIs are: empty, or `/prefix` behind a proxy. */
export const BASE = new URL(document.baseURI).pathname.replace(/\/+$/, "");

/** Sends a request to an address of this server and gives the JSON of the answer. */
export async function request<T>(path: string, { method, body, signal }: Options = {}): Promise<T> {
  const init: RequestInit = { signal: signal ?? null, headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.method = method ?? "POST";
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(body);
  } else if (method) {
    init.method = method;
  }
  let response: Response;
  try {
    response = await fetch(`${BASE}${path}`, init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("the server cannot be reached", "unreachable");
  }
  const text = await response.text();
  let parsed: unknown = text;
  try {
    parsed = text === "" ? {} : JSON.parse(text);
  } catch {
    if (response.ok) throw new ApiError(`the server answered ${response.status} without JSON`, "internal", response.status);
  }
  if (!response.ok) {
    const kind = (parsed as { errorType?: string } | null)?.errorType ?? "";
    const error = new ApiError(messageOf(parsed, response.status).slice(0, 2_000), kind, response.status);
    if (response.status === 401) window.dispatchEvent(new CustomEvent("vigie-login-needed"));
    throw error;
  }
  return parsed as T;
}

interface Body<T> {
  status: "success" | "error";
  data?: T;
  error?: string;
  errorType?: string;
  warnings?: string[];
  infos?: string[];
}

/** Asks Prometheus' API, `/api/v1/PATH`. */
export async function ask<T>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<Answer<T>> {
  const body = await request<Body<T>>(`/api/v1/${path}${queryText(parameters)}`, { signal });
  if (body.status !== "success" || body.data === undefined) {
    throw new ApiError(body.error ?? "the server gave no data", body.errorType ?? "");
  }
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}
