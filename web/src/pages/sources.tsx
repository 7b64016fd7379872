import { Badge, Code, Group, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useSearchParams } from "react-router";

import { useTargets } from "@/api/hooks";
import type { Target } from "@/api/types";
import { formatLabels } from "@/lib/format";
import { useText } from "@/lib/text";
import { Notice } from "@/ui/notice";

const COLOR = { up: "green", down: "red", unknown: "gray" } as const;
const ORDER = { down: 0, unknown: 1, up: 2 } as const;

function matches(target: Target, filter: string): boolean {
  const words = `${target.scrapePool} ${target.scrapeUrl} ${formatLabels(target.labels)} ${target.lastError} ${target.health}`;
  return words.toLowerCase().includes(filter.toLowerCase());
}

function Row({ target }: { target: Target }) {
  const { text } = useText();
  const seconds = Math.round((Date.now() - Date.parse(target.lastScrape)) / 1_000);
  const scraped = Number.isFinite(seconds) && seconds < 1e9;
  return (
    <Table.Tr>
      <Table.Td>{target.scrapePool}</Table.Td>
      <Table.Td>
        <Code>{target.scrapeUrl}</Code>
        {target.lastError ? (
          <Text size="xs" c="red" mt={4}>
            {target.lastError}
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td>
        <Badge color={COLOR[target.health]} variant="light">
          {text[target.health]}
        </Badge>
      </Table.Td>
      <Table.Td className="series-name">{formatLabels(target.labels, ["job"])}</Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>
        {scraped ? `${seconds} ${text.secondsAgo} · ${(target.lastScrapeDuration * 1_000).toFixed(1)} ms` : text.never}
      </Table.Td>
    </Table.Tr>
  );
}

/** What is being watched, and whether it answers. What is wrong comes first. */
export function Sources() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  const { data, error } = useTargets();
  const filter = search.get("filter") ?? "";
  const active = (data?.data.activeTargets ?? []).filter((target) => matches(target, filter));
  active.sort((a, b) => ORDER[a.health] - ORDER[b.health] || a.scrapePool.localeCompare(b.scrapePool) || a.scrapeUrl.localeCompare(b.scrapeUrl));
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2} size="h3">
          {text.sources}
        </Title>
        <TextInput
          size="xs"
          w={280}
          value={filter}
          placeholder={text.filter}
          aria-label={text.filter}
          onChange={(event) => {
            const value = event.currentTarget.value;
            setSearch((before) => (value ? before.set("filter", value) : before.delete("filter"), before), { replace: true });
          }}
        />
      </Group>
      <Notice error={error} />
      {data && active.length === 0 ? (
        <Text c="dimmed">{text.noTargets}</Text>
      ) : (
        <Table.ScrollContainer minWidth={700}>
          <Table striped stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{text.pool}</Table.Th>
                <Table.Th>{text.target}</Table.Th>
                <Table.Th>{text.state}</Table.Th>
                <Table.Th>{text.labels}</Table.Th>
                <Table.Th>{text.lastScrape}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {active.map((target) => (
                <Row key={`${target.scrapePool} ${target.scrapeUrl} ${formatLabels(target.labels)}`} target={target} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
}
