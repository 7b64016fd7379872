import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.joda.time.*;
import org.joda.time.format.*;

/** Reads lines "read|write TAB pattern TAB zone TAB text or milliseconds", prints what Joda says. */
public class Joda {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            String[] parts = line.split("\t", -1);
            try {
                DateTimeFormatter format = parts[1].equals("ISO8601") ? ISODateTimeFormat.dateTimeParser()
                    : DateTimeFormat.forPattern(parts[1]);
                format = format.withLocale(Locale.ENGLISH).withZone(DateTimeZone.forID(parts[2]));
                out.println(parts[0].equals("read") ? String.valueOf(format.parseMillis(parts[3]))
                    : format.print(Long.parseLong(parts[3])));
            } catch (IllegalArgumentException error) {
                out.println("error");
            }
        }
    }
}
