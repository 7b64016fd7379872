import { SegmentedControl } from "@mantine/core";
import { useSearchParams } from "react-router";

import { useText } from "@/lib/text";
import { RANGE_DEFAULT, RANGES } from "@/url/time-range";

/** Chooses how far back; the choice is in the address. */
export function RangePicker() {
  const { text } = useText();
  const [search, setSearch] = useSearchParams();
  return (
    <SegmentedControl
      size="xs"
      aria-label={text.range}
      data={[...RANGES]}
      value={search.get("range") ?? RANGE_DEFAULT}
      onChange={(range) =>
        setSearch((before) => {
          before.set("range", range);
          before.delete("end");
          return before;
        })
      }
    />
  );
}
