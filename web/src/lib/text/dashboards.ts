// Words of this area: [English, French].
export const dashboards = {
} satisfies Record<string, [string, string]>;
