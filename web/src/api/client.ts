import type { Answer } from "@/api/types";

/** What the server said went wrong, or that it could not be asked. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly kind: string,
  ) {
    super(message);
  }
}

interface Body<T> {
  status: "success" | "error";
  data?: T;
  error?: string;
  errorType?: string;
  warnings?: string[];
  infos?: string[];
}

/** Asks `/api/v1/PATH`. Throws an ApiError with the server's own words. */
export async function ask<T>(
  path: string,
  parameters: Record<string, string>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  const query = new URLSearchParams(parameters).toString();
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}${query ? `?${query}` : ""}`, { signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("the server cannot be reached", "unreachable");
  }
  let body: Body<T>;
  try {
    body = (await response.json()) as Body<T>;
  } catch {
    throw new ApiError(`the server answered ${response.status} without JSON`, "internal");
  }
  if (body.status !== "success" || body.data === undefined) {
    throw new ApiError(body.error ?? `the server answered ${response.status}`, body.errorType ?? "");
  }
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}
