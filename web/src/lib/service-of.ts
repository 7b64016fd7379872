const SERVICE_LABELS = ["service_name", "service.name", "service", "app", "application", "job"] as const;

/** The service that labels name, as logs and traces call it; empty when none does. */
export function serviceOf(labels: Record<string, string>): string {
  for (const label of SERVICE_LABELS) {
    const value = labels[label];
    if (value) return value.split("/").at(-1) ?? value;
  }
  return "";
}
