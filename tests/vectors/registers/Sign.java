// Signs a SOAP message with the XML signatures of the JDK (javax.xml.crypto): see README.md.
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.*;
import javax.xml.crypto.dsig.spec.*;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.*;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.*;

public class Sign {
    static final String WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    static final String WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";

    // input.xml key.der algorithm(RSA|EC) prefixes output.xml
    public static void main(String[] args) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        Document document = factory.newDocumentBuilder().parse(new File(args[0]));
        PrivateKey key = KeyFactory.getInstance(args[2])
            .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Paths.get(args[1]))));
        Element body = (Element) document.getElementsByTagNameNS(SOAP, "Body").item(0);
        Element security = (Element) document.getElementsByTagNameNS(WSSE, "Security").item(0);
        body.setIdAttributeNS(WSU, "Id", true);
        XMLSignatureFactory signatures = XMLSignatureFactory.getInstance("DOM");
        List<String> prefixes = args[3].isEmpty() ? List.of() : List.of(args[3].split(","));
        C14NMethodParameterSpec spec = prefixes.isEmpty() ? null : new ExcC14NParameterSpec(prefixes);
        Reference reference = signatures.newReference(
            "#" + body.getAttributeNS(WSU, "Id"),
            signatures.newDigestMethod(DigestMethod.SHA256, null),
            List.of(signatures.newTransform(CanonicalizationMethod.EXCLUSIVE, spec)), null, null);
        String method = args[2].equals("RSA")
            ? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
            : "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
        SignedInfo info = signatures.newSignedInfo(
            signatures.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, spec),
            signatures.newSignatureMethod(method, null), List.of(reference));
        DOMSignContext context = new DOMSignContext(key, security);
        context.setDefaultNamespacePrefix("ds");
        signatures.newXMLSignature(info, null).sign(context);
        Transformer transformer = TransformerFactory.newInstance().newTransformer();
        transformer.transform(new DOMSource(document), new StreamResult(new File(args[4])));
    }
}
