// Alertmanager's API on the page's port, as far as the page uses it, and Vigie's own beside it.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { request } from "@/api/client";
import type { Matcher } from "@/lib/matchers";
import type { WhyEntry } from "@/lib/why";

export interface Silence {
  id: string;
  status: { state: "active" | "pending" | "expired" };
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

/** A silence to be made; with `id`, the one that it takes the place of. */
export interface SilenceDraft {
  id?: string;
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

export interface SilencedAlert {
  fingerprint: string;
  labels: Record<string, string>;
}

export function useSilences(nowMs: number) {
  return useQuery({
    queryKey: ["silences", nowMs],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => request<Silence[]>("/alertmanager/api/v2/silences", { signal }),
  });
}

export function useSaveSilence() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (draft: SilenceDraft) => request<{ silenceID: string }>("/alertmanager/api/v2/silences", { body: draft }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["silences"] }),
  });
}

export function useExpireSilence() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => request<unknown>(`/alertmanager/api/v2/silence/${encodeURIComponent(id)}`, { method: "DELETE" }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["silences"] }),
  });
}

/** Which alerts that fire the matchers would silence; not asked without matchers. */
export function useSilencePreview(matchers: readonly Matcher[]) {
  return useQuery({
    queryKey: ["silence-preview", matchers],
    enabled: matchers.length > 0,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await request<{ data: { alerts: SilencedAlert[] } }>("/api/v1/respond/silences/preview", { body: { matchers }, signal })).data.alerts,
  });
}

/** What was decided about one group of alerts for one receiver, the oldest first. */
export interface Timeline {
  groupKey: string;
  receiver: string;
  routeLine: number;
  labels: Record<string, string>;
  entries: WhyEntry[];
}

/** How one integration of a receiver does. */
export interface Delivery {
  receiver: string;
  integration: string;
  notifications: number;
  attempts: number;
  failed: Record<string, number>;
  latencySeconds: number;
  lastError: { at: string; error: string } | null;
}

export function useTimelines(nowMs: number) {
  return useQuery({
    queryKey: ["timelines", nowMs],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await request<{ data: Timeline[] }>("/api/v1/respond/why", { signal })).data,
  });
}

export function useDeliveries(nowMs: number) {
  return useQuery({
    queryKey: ["deliveries", nowMs],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await request<{ data: { deliveries: Delivery[] } }>("/api/v1/respond/deliveries", { signal })).data.deliveries,
  });
}
