// java ReadZip.java file|stream FILE...: what java.util.zip reads; output as python_zipfile.py describes.
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.Enumeration;
import java.util.StringJoiner;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

public class ReadZip {
    static String quote(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            b.append(c < 0x20 || c == '"' || c == '\\' || c > 0x7e ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return b.append('"').toString();
    }

    static String entry(String name, InputStream in) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        byte[] buf = new byte[65536];
        for (int n = in.read(buf); n >= 0; n = in.read(buf)) {
            sha.update(buf, 0, n);
        }
        StringBuilder hex = new StringBuilder();
        for (byte b : sha.digest()) {
            hex.append(String.format("%02x", b));
        }
        return "[" + quote(name) + ", \"" + hex + "\"]";
    }

    static String file(String path) throws Exception {
        StringJoiner entries = new StringJoiner(", ", "[", "]");
        try (ZipFile zip = new ZipFile(path)) {
            for (Enumeration<? extends ZipEntry> e = zip.entries(); e.hasMoreElements();) {
                ZipEntry entry = e.nextElement();
                try (InputStream in = zip.getInputStream(entry)) {
                    entries.add(entry(entry.getName(), in));
                }
            }
        }
        return entries.toString();
    }

    static String stream(String path) throws Exception {
        StringJoiner entries = new StringJoiner(", ", "[", "]");
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(path)))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                entries.add(entry(entry.getName(), zip));
            }
        }
        return entries.toString();
    }

    public static void main(String[] args) {
        for (int i = 1; i < args.length; i++) {
            String said;
            try {
                said = "\"entries\": " + (args[0].equals("file") ? file(args[i]) : stream(args[i]));
            } catch (Exception e) {
                said = "\"error\": " + quote(e.toString());
            }
            System.out.println("{\"file\": " + quote(args[i]) + ", " + said + "}");
        }
    }
}
