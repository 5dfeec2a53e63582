package schemas

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// email accepts every address that mail systems accept, internationalized addresses (RFC 6531)
// included, and addresses against the letter of RFC 5321 that some providers give out, such as
// ada..k@ and ada.@. The local part is up to the mail system of the domain. An empty local part
// is left to the pattern of the schema.
func email(s string) error {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return errors.New("there is no @")
	}
	return errors.Join(localPart(s[:at]), domain(s[at+1:]))
}

// specials are the characters that a local part has only in quotes (RFC 5322).
const specials = `()<>[]:;@\,"`

// localPart returns an error for a local part that no mail system has.
func localPart(s string) error {
	quoted := len(s) > 2 && s[0] == '"' && s[len(s)-1] == '"'
	for _, r := range s {
		switch {
		case !notAlphanumeric(r):
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d', r == unicode.ReplacementChar:
			return errors.New("there is an invisible character before the @")
		case !quoted && unicode.IsSpace(r):
			return errors.New("there is a blank before the @")
		case !quoted && strings.ContainsRune(specials, r):
			return errors.New("before the @ stands a character that needs quotes: send the bare address, one only")
		}
	}
	return nil
}

// domains converts a domain to the ASCII form, and checks the length of the parts. Names with
// an underscore and with hyphens at the third place exist.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true), idna.StrictDomainName(false))

// domain returns an error for a text that is neither a domain nor an address literal.
func domain(s string) error {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		_, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimSuffix(inner, "]"), "IPv6:"))
		if err != nil {
			return errors.New("there is no address in the brackets")
		}
		return nil
	}
	if isPlainDomain(s) {
		return nil
	}
	return anyDomain(s)
}

// anyDomain returns an error for a text that is no domain.
func anyDomain(s string) error {
	ascii, err := domains.ToASCII(s)
	if err != nil {
		return errors.New("behind the @ stands no domain")
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInDomain) {
			return errors.New("behind the @ stands no domain")
		}
	}
	return nil
}

// isPlainDomain reports whether s is certainly a domain: of lower-case letters and digits, with single hyphens
// inside the labels.
func isPlainDomain(s string) bool {
	const longestLabel, longest = 63, 253
	begun := 0
	for i := range len(s) {
		c := s[i]
		inside := i > begun && s[i-1] != '-' // of a label, not next to a hyphen
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case c == '-' && inside:
		case c == '.' && inside && i-begun <= longestLabel:
			begun = i + 1
		default:
			return false
		}
	}
	last := len(s) - begun
	return 0 < last && last <= longestLabel && len(s) <= longest && s[len(s)-1] != '-'
}

// notInDomain reports whether no domain in ASCII form has the rune.
func notInDomain(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && r != '-' && r != '_'
}
