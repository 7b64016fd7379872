import { Group, Text } from "@mantine/core";

import type { MatrixSeries } from "@/api/types";
import { COLORS } from "@/charts/colors";
import { formatValue, type Unit } from "@/lib/format";

interface Props {
  series: readonly MatrixSeries[];
  name: (series: MatrixSeries) => string;
  unit?: Unit;
}

/** Name, colour and last value of each line. */
export function Legend({ series, name, unit = "none" }: Props) {
  return (
    <div>
      {series.map((one, index) => {
        const last = one.values?.at(-1)?.[1];
        return (
          <Group key={JSON.stringify(one.metric)} gap={4} wrap="nowrap" align="center">
            <span className="legend-mark" style={{ background: COLORS[index % COLORS.length] }} />
            <span className="series-name">{name(one)}</span>
            <Text size="xs" fw={600} ml="auto" style={{ whiteSpace: "nowrap" }}>
              {last === undefined ? "" : formatValue(Number(last), unit)}
            </Text>
          </Group>
        );
      })}
    </div>
  );
}
