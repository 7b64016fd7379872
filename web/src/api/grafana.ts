// Grafana's HTTP API, as far as the page uses it.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { ApiError, BASE, queryText, request } from "@/api/client";

export interface FoundDashboard {
  uid: string;
  title: string;
  type: string;
  tags: string[];
  folderTitle?: string;
  folderUid?: string;
}

export interface StoredDashboard {
  dashboard: unknown;
  meta: { version?: number; folderTitle?: string; folderUid?: string; provisioned?: boolean; canSave?: boolean; updated?: string; updatedBy?: string };
}

export interface DashboardVersion {
  version: number;
  created: string;
  createdBy: string;
  message: string;
}

export interface User {
  login: string;
  name?: string;
  email?: string;
  orgRole?: string;
  isGrafanaAdmin?: boolean;
}

/** True when the server has no such API: an older one, or a part that is off. */
export function isAbsent(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 405);
}

export function useDashboards(asked = "") {
  return useQuery({
    queryKey: ["dashboards", asked],
    retry: false,
    staleTime: 10_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => request<FoundDashboard[]>(`/api/search${queryText({ query: asked, type: "dash-db", limit: 1_000 })}`, { signal }),
  });
}

export function useDashboard(uid: string) {
  return useQuery({
    queryKey: ["dashboard", uid],
    enabled: uid !== "",
    retry: false,
    staleTime: 60_000,
    queryFn: ({ signal }) => request<StoredDashboard>(`/api/dashboards/uid/${encodeURIComponent(uid)}`, { signal }),
  });
}

export interface Saved {
  uid: string;
  version: number;
  url?: string;
}

export function saveDashboard(dashboard: unknown, message: string, folderUid: string, overwrite: boolean): Promise<Saved> {
  return request<Saved>("/api/dashboards/db", { body: { dashboard, message, overwrite, ...(folderUid ? { folderUid } : {}) } });
}

export function deleteDashboard(uid: string): Promise<unknown> {
  return request(`/api/dashboards/uid/${encodeURIComponent(uid)}`, { method: "DELETE" });
}

export function useVersions(uid: string) {
  return useQuery({
    queryKey: ["versions", uid],
    retry: false,
    queryFn: async ({ signal }) => {
      const found = await request<DashboardVersion[] | { versions: DashboardVersion[] }>(`/api/dashboards/uid/${encodeURIComponent(uid)}/versions`, { signal });
      return Array.isArray(found) ? found : found.versions;
    },
  });
}

export async function fetchVersion(uid: string, version: number): Promise<unknown> {
  return (await request<{ data: unknown }>(`/api/dashboards/uid/${encodeURIComponent(uid)}/versions/${version}`)).data;
}

export function restoreVersion(uid: string, version: number): Promise<unknown> {
  return request(`/api/dashboards/uid/${encodeURIComponent(uid)}/restore`, { body: { version } });
}

export interface Annotation {
  id?: number;
  time: number;
  timeEnd?: number;
  text: string;
  tags?: string[];
  title?: string;
}

export function useUser() {
  return useQuery({
    queryKey: ["user"],
    retry: false,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      try {
        return await request<User>("/api/user", { signal });
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    },
  });
}

export function logIn(user: string, password: string): Promise<unknown> {
  return request("/login", { body: { user, password } });
}

export async function logOut(): Promise<void> {
  await fetch(`${BASE}/logout`, { redirect: "manual" });
}

/** Keeps a dashboard as it was exported from Grafana; one of the same uid is taken over. */
export function importDashboard(dashboard: unknown): Promise<Saved> {
  return request<Saved>("/api/dashboards/import", { body: { dashboard, overwrite: true } });
}
