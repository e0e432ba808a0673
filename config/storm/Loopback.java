import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import org.apache.xbean.asm9.ClassReader;
import org.apache.xbean.asm9.ClassVisitor;
import org.apache.xbean.asm9.ClassWriter;
import org.apache.xbean.asm9.MethodVisitor;
import org.apache.xbean.asm9.Opcodes;

/**
 * Has Storm listen on loopback alone, for which it has no setting.
 *
 * A Java agent. In every class of Storm, with the Thrift and the Netty that it brings, `new InetSocketAddress(port)`
 * becomes `new InetSocketAddress(InetAddress.getLoopbackAddress(), port)`: that is how each of its servers names the
 * address on which it listens. config/stack/servers/loopback.py compiles it with Janino, which knows no lambdas.
 */
public class Loopback implements ClassFileTransformer {
    private static final String ADDRESS = "java/net/InetSocketAddress";

    public static void premain(String arguments, Instrumentation instrumentation) {
        instrumentation.addTransformer(new Loopback());
    }

    public byte[] transform(ClassLoader loader, String name, Class type, ProtectionDomain domain, byte[] code) {
        if (name == null || !name.startsWith("org/apache/storm/")) {
            return null;
        }
        ClassReader reader = new ClassReader(code);
        if (!names(reader, ADDRESS)) {
            return null;
        }
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new Methods(writer), 0);
        return writer.toByteArray();
    }

    /** Whether a class names another: most don't, and stay as they are. */
    private static boolean names(ClassReader reader, String other) {
        char[] buffer = new char[reader.getMaxStringLength()];
        for (int item = 1; item < reader.getItemCount(); item++) {
            int offset = reader.getItem(item);
            if (offset > 0 && reader.readByte(offset - 1) == 7 && other.equals(reader.readUTF8(offset, buffer))) {
                return true;
            }
        }
        return false;
    }

    static class Methods extends ClassVisitor {
        Methods(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        public MethodVisitor visitMethod(int access, String name, String type, String signature, String[] thrown) {
            return new Calls(super.visitMethod(access, name, type, signature, thrown));
        }
    }

    static class Calls extends MethodVisitor {
        Calls(MethodVisitor next) {
            super(Opcodes.ASM9, next);
        }

        public void visitMethodInsn(int code, String owner, String name, String type, boolean isInterface) {
            if (!owner.equals(ADDRESS) || !name.equals("<init>") || !type.equals("(I)V")) {
                super.visitMethodInsn(code, owner, name, type, isInterface);
                return;
            }
            String loopback = "()Ljava/net/InetAddress;";
            super.visitMethodInsn(Opcodes.INVOKESTATIC, "java/net/InetAddress", "getLoopbackAddress", loopback, false);
            super.visitInsn(Opcodes.SWAP);
            super.visitMethodInsn(code, owner, name, "(Ljava/net/InetAddress;I)V", false);
        }
    }
}
