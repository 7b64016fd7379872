import { Link } from "react-router";

import { useText } from "@/lib/text/text";
import { Empty } from "@/ui/notice";

export default function NotFound() {
  const { text } = useText();
  return (
    <Empty title={text.notFound}>
      <Link to="/">{text.goHome}</Link>
    </Empty>
  );
}
