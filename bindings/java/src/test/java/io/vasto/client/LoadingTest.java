// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadingTest {
  private static final String ADVICE =
      "install libvasto 1.1 or newer (cmake --install), or set VASTO_LIBRARY to the path of"
          + " libvasto.so.1";

  @TempDir Path folder;

  private static void assertRefused(String library, String... parts) {
    String message =
        assertThrows(VastoLibraryException.class, () -> LibraryLoader.load(library)).getMessage();
    assertTrue(message.contains(library), message);
    assertTrue(message.contains(ADVICE), message);
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  /** A library whose vasto_version says what it is told, and which has nothing else. */
  private String library(int major, int minor, int patch) throws Exception {
    Path source = folder.resolve("version.c");
    Path library = folder.resolve("libversion" + major + minor + patch + ".so");
    Files.writeString(
        source,
        String.format(
            "void vasto_version(int* a, int* b, int* c) { *a = %d; *b = %d; *c = %d; }",
            major, minor, patch));
    int code =
        new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
            .inheritIO()
            .start()
            .waitFor();
    assertEquals(0, code, "cc");
    return library.toString();
  }

  @Test
  void aMissingLibraryIsNamed() {
    assertRefused(folder.resolve("nowhere.so").toString(), "cannot load");
  }

  @Test
  void anotherLibraryIsRefused() {
    assertRefused("libc.so.6", "lacks vasto_version");
  }

  @Test
  void anOlderLibraryIsRefused() throws Exception {
    assertRefused(library(0, 9, 7), "version 0.9.7");
    assertRefused(library(1, 0, 9), "version 1.0.9", "needs 1.1.0");
  }

  @Test
  void aLibraryOfAnotherMajorVersionIsRefused() throws Exception {
    assertRefused(library(2, 0, 0), "version 2.0.0");
  }

  @Test
  void aLibraryThatLacksAFunctionIsRefused() throws Exception {
    assertRefused(library(1, 1, 0), "it lacks vasto_");
  }

  @Test
  void theEnvironmentComesBeforeTheLinker() {
    assertEquals("/x/libvasto.so.1", LibraryLoader.defaultName("/x/libvasto.so.1"));
    assertEquals("libvasto.so.1", LibraryLoader.defaultName(null));
    assertEquals("libvasto.so.1", LibraryLoader.defaultName(""));
  }

  @Test
  void aSecondLibraryIsRefused() {
    Vasto.version();
    assertThrows(IllegalStateException.class, () -> Vasto.load(Path.of("/x/libvasto.so.1")));
    Vasto.load(Path.of(System.getenv("VASTO_LIBRARY")));
  }

  @Test
  void versionsAreNumbers() {
    assertEquals(1, Vasto.version().major());
    assertTrue(Vasto.versionString().startsWith("vasto "), Vasto.versionString());
  }

  @Test
  void theHashIsXxh3() {
    assertEquals(3244421341483603138L, Vasto.partitionHash(new byte[0]));
    assertEquals(8696274497037089104L, Vasto.partitionHash(TestCluster.bytes("abc")));
  }

  /** What a process prints that runs {@link Child}. */
  private static String child(String variable, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Child.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    Map<String, String> environment = builder.environment();
    environment.put("VASTO_LIBRARY", variable);
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return text;
  }

  /** Loads the library from its argument, if it has one, and opens a client. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) {
      if (arguments.length > 0) {
        Vasto.load(Path.of(arguments[0]));
      }
      try (Client client = TestCluster.open()) {
        System.out.println("open " + client.admin().describe(Admin.Topic.STATUS).length());
      } catch (VastoLibraryException e) {
        System.out.println("refused " + e.getMessage());
      }
    }
  }

  @Test
  void aProgramIsToldThatItsLibraryIsMissing() throws Exception {
    String text = child("/nowhere/libvasto.so.1");
    assertTrue(text.startsWith("refused cannot load /nowhere/libvasto.so.1"), text);
  }

  @Test
  void aPathInCodeComesBeforeTheEnvironment() throws Exception {
    String text = child("/nowhere/libvasto.so.1", System.getenv("VASTO_LIBRARY"));
    assertTrue(text.startsWith("open "), text);
  }
}
