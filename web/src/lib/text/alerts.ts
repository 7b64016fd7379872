// Words of this area: [English, French].
export const alerts = {
} satisfies Record<string, [string, string]>;
