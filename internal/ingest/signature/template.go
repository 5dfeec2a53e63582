package signature

import (
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 of older senders, of which no attack is known
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template describes a sender's way of signing. The zero value of a field is its default.
type Template struct {
	// Header is the header with the signatures.
	Header string `yaml:"header"`
	// Separator is between the items of the header, such as a comma. Default: one item.
	Separator string `yaml:"separator"`
	// Signature is the text before a signature, such as v1=. Other items are ignored.
	Signature string `yaml:"signature"`
	// Encoding is hex, base64, base64url (without =), or any: hex or base64. Default hex.
	Encoding string `yaml:"encoding"`
	// Hash is the hash of the HMAC: sha1, sha256 or sha512. Default sha256.
	Hash string `yaml:"hash"`
	// Signed is the signed text, with {body}, and {id} and {time} as sent. Default {body}.
	Signed string `yaml:"signed"`
	// Time is the text before the time in an item of Header, such as t=.
	Time string `yaml:"time"`
	// TimeHeader is the header with the time.
	TimeHeader string `yaml:"time_header"`
	// TimeFormat is unix (seconds, or milliseconds with 13 digits), seconds or rfc3339. Default
	// unix.
	TimeFormat string `yaml:"time_format"`
	// IDHeader is the header with the id of the delivery. If the header is not signed, the id is a
	// digest of the body.
	IDHeader string `yaml:"id_header"`
	// Key is the form of the secret: text, or base64 as shown by senders. Default text.
	Key string `yaml:"key"`
}

// templateKeys are the keys of a Template.
var templateKeys = []string{"header", "separator", "signature", "encoding", "hash", "signed", "time", "time_header", "time_format", "id_header", "key"}

// UnmarshalYAML rejects unknown keys, with the line.
func (t *Template) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Tag != "!!merge" && !slices.Contains(templateKeys, key.Value) {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: unknown key %s: the keys are %q", key.Line, key.Value, templateKeys)}}
		}
	}
	type plain Template
	return n.Decode((*plain)(t))
}

// Formats of a template.
const (
	hexEncoding, base64Encoding, urlEncoding, anyEncoding = "hex", "base64", "base64url", "any"
	unixTime, secondsTime, rfcTime                        = "unix", "seconds", "rfc3339"
	textKey, base64Key                                    = "text", "base64"
	basicKey                                              = "user:password" // of Basic only
)

// hashes are the hashes by name.
var hashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// compiled is a template that is ready for use.
type compiled struct {
	Template

	name   string
	parts  []string // of Signed: literals, and placeholders in braces
	hash   func() hash.Hash
	token  bool // the signature is the secret itself, once, behind Signature in any case
	signed bool // the id is signed, and must be there
}

// compile checks a template and fills in the defaults. The error joins every fault.
func compile(name string, t Template) (compiled, error) {
	setDefault(&t.Encoding, hexEncoding)
	setDefault(&t.Hash, "sha256")
	setDefault(&t.Signed, "{body}")
	setDefault(&t.TimeFormat, unixTime)
	setDefault(&t.Key, textKey)
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	oneOf(fault, "encoding", t.Encoding, hexEncoding, base64Encoding, urlEncoding, anyEncoding)
	oneOf(fault, "hash", t.Hash, "sha1", "sha256", "sha512")
	oneOf(fault, "time_format", t.TimeFormat, unixTime, secondsTime, rfcTime)
	if t.Key != basicKey {
		oneOf(fault, "key", t.Key, textKey, base64Key)
	}
	for _, header := range []*string{&t.Header, &t.TimeHeader, &t.IDHeader} {
		if strings.ContainsFunc(*header, notToken) {
			fault("%q is not the name of a header: use letters, digits and -", *header)
		}
		*header = http.CanonicalHeaderKey(*header)
	}
	if t.Header == "" {
		fault("header is missing: set the header with the signature")
	}
	if t.Time != "" && t.Separator == "" {
		fault("time is in an item of the header, and separator is missing")
	}
	c := compiled{Template: t, name: name, hash: hashes[t.Hash]}
	c.parts = split(t.Signed, fault)
	c.checkParts(fault)
	return c, errors.Join(faults...)
}

func setDefault(value *string, text string) {
	if *value == "" {
		*value = text
	}
}

// oneOf reports a value that is not allowed.
func oneOf(fault func(string, ...any), key, value string, allowed ...string) {
	for _, one := range allowed {
		if value == one {
			return
		}
	}
	fault("%s is %q: use one of %s", key, value, strings.Join(allowed, ", "))
}

// checkParts reports signed parts that the template does not have, and others that are not signed.
func (c *compiled) checkParts(fault func(string, ...any)) {
	has := map[string]int{}
	for _, part := range c.parts {
		has[part]++
	}
	hasTime := c.Time != "" || c.TimeHeader != ""
	switch {
	case has["{body}"] != 1:
		fault("signed needs {body} once")
	case has["{time}"] > 0 != hasTime:
		fault("signed needs {time} if time or time_header is set, and only then: a time without a signature proves nothing")
	case c.Time != "" && c.TimeHeader != "":
		fault("time and time_header exclude each other")
	case has["{id}"] > 0 && c.IDHeader == "":
		fault("signed has {id}, and id_header is missing")
	}
	c.signed = has["{id}"] > 0
}

// split returns the literals and the placeholders of a text.
func split(text string, fault func(string, ...any)) (parts []string) {
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			return append(parts, text)
		}
		if open > 0 {
			parts = append(parts, text[:open])
		}
		end := strings.IndexByte(text, '}')
		if end < open {
			fault("signed has a { without }")
			return parts
		}
		name := text[open : end+1]
		if name != "{body}" && name != "{time}" && name != "{id}" {
			fault("signed has %s: the placeholders are {id}, {time} and {body}", name)
		}
		parts, text = append(parts, name), text[end+1:]
	}
	return parts
}
