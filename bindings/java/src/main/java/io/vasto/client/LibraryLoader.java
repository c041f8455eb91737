// SPDX-License-Identifier: Apache-2.0
package io.vasto.client;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * Finds libvasto, refuses what this binding cannot work with, and binds its functions. The process
 * has one: the first that loads is kept, a failure is not.
 */
final class LibraryLoader {
  private static final String SONAME = "libvasto.so.1";
  private static final String VARIABLE = "VASTO_LIBRARY";
  private static final int RTLD_LAZY = 1;
  private static final int MAJOR = 1;
  private static final int MINOR = 1;
  private static final int PATCH = 0;
  private static final String ADVICE =
      "install libvasto 1.1 or newer (cmake --install), or set "
          + VARIABLE
          + " to the path of "
          + SONAME;

  // The library that is in use, and what it was asked for by; null until there is one.
  private static NativeLibrary loaded;
  private static String loadedName;
  private static NativeApi api;

  private LibraryLoader() {}

  /**
   * The functions of the library, loaded from where the environment or the dynamic linker says if
   * none is yet.
   */
  static synchronized NativeApi get() {
    if (loaded == null) {
      use(defaultName(System.getenv(VARIABLE)));
    }
    return api;
  }

  /** Loads the library of this name or path, unless it is the one that is in use. */
  static synchronized void use(String name) {
    if (loaded == null) {
      NativeLibrary library = load(name);
      Native.register(NativeApi.class, library);
      api = new NativeApi();
      loadedName = name;
      loaded = library;
    } else if (!loadedName.equals(name)) {
      throw new IllegalStateException(
          "cannot load " + name + ": " + loadedName + " is loaded already");
    }
  }

  static String defaultName(String variable) {
    return variable == null || variable.isEmpty() ? SONAME : variable;
  }

  /** Opens and checks a library without making it the one of the process. */
  static NativeLibrary load(String name) {
    if (Native.POINTER_SIZE != Long.BYTES) {
      throw new VastoLibraryException("vasto-client needs a 64-bit Java virtual machine");
    }
    NativeLibrary library;
    try {
      library = NativeLibrary.getInstance(name, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY));
    } catch (UnsatisfiedLinkError e) {
      String reason = e.getMessage().lines().findFirst().orElse("");
      throw new VastoLibraryException("cannot load " + name + " (" + reason + "): " + ADVICE);
    }
    // The version comes first: it tells more than a name that is missing.
    requireSymbol(library, name, "vasto_version");
    checkVersion(library, name);
    requireSymbols(library, name);
    return library;
  }

  private static void requireSymbols(NativeLibrary library, String name) {
    for (Method method : NativeApi.class.getDeclaredMethods()) {
      if (Modifier.isNative(method.getModifiers())) {
        requireSymbol(library, name, method.getName());
      }
    }
  }

  private static void requireSymbol(NativeLibrary library, String name, String symbol) {
    try {
      library.getFunction(symbol);
    } catch (UnsatisfiedLinkError e) {
      throw new VastoLibraryException(
          name + " is no libvasto that this binding can use (it lacks " + symbol + "): " + ADVICE);
    }
  }

  private static void checkVersion(NativeLibrary library, String name) {
    ByteBuffer numbers = ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder());
    long address = NativeMemory.addressOf(numbers);
    library
        .getFunction("vasto_version")
        .invokeVoid(new Object[] {address, address + 4, address + 8});
    int major = numbers.getInt(0);
    int minor = numbers.getInt(4);
    int patch = numbers.getInt(8);
    boolean tooOld = minor < MINOR || (minor == MINOR && patch < PATCH);
    if (major != MAJOR || tooOld) {
      throw new VastoLibraryException(
          String.format(
              "%s has version %d.%d.%d of the interface, this binding needs %d.%d.%d or a newer"
                  + " %d.x: %s",
              name, major, minor, patch, MAJOR, MINOR, PATCH, MAJOR, ADVICE));
    }
  }
}
