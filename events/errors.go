package events

import "strings"

// MaxSize is the most bytes that one event may have, envelope included: 1 MiB,
// the default max_payload of NATS.
const MaxSize = 1 << 20

// MaxAttribute is the most bytes that the value of one attribute may have. Results
// repeat some attributes, id up to three times, and must fit within MaxSize.
const MaxAttribute = 8 << 10

// MaxDepth is how deep objects and arrays may stand in one another, the event's
// own object counted.
const MaxDepth = 64

// The rules that an invalid event breaks, as they stand in InvalidError.Rule. A
// rule of a JSON Schema is "schema:" and the keyword, as in "schema:format".
const (
	RuleSize          = "size"             // at most MaxSize bytes, MaxAttribute of them in an attribute
	RuleUTF8          = "utf8"             // valid UTF-8, no lone surrogates
	RuleJSON          = "json"             // exactly one JSON document
	RuleNumber        = "number"           // numbers that fit a 64-bit float
	RuleDepth         = "depth"            // at most MaxDepth levels
	RuleDuplicate     = "duplicate-name"   // each name once per object, each attribute once
	RuleAttributeName = "attribute-name"   // a-z and 0-9 only, not "data"
	RuleAttributeType = "attribute-type"   // string, boolean or 32-bit integer
	RuleCharacters    = "characters"       // no control characters or noncharacters in attributes
	RuleSpecVersion   = "specversion"      // "1.0"
	RuleRequired      = "required"         // must be there, and not be empty
	RuleEmpty         = "empty"            // may be left out, but not be empty
	RuleTime          = "time"             // RFC 3339
	RuleURI           = "uri"              // an absolute URI
	RuleURIReference  = "uri-reference"    // a URI or a relative reference
	RuleMediaType     = "media-type"       // RFC 2046; JSON where our types need it
	RuleBase64        = "base64"           // the standard alphabet, padded
	RuleDataOnce      = "data-or-base64"   // data or data_base64, never both
	RuleDataString    = "data-string"      // data that is not JSON is a string
	RuleMode          = "mode"             // one event, structured as JSON or binary
	RuleQuotedString  = "quoted-string"    // a header value's closing quote
	RulePercent       = "percent-encoding" // %XX, and valid UTF-8 behind it
	RuleType          = "type"             // a type that Usher knows
	RuleNameCase      = "name-case"        // a member's name differs from ours in case only
	RuleContentType   = "content-type"     // over HTTP, the header Content-Type is the datacontenttype
	RuleBatchSize     = "batch-size"       // at most MaxBatch events in a batch
	RuleIDOnce        = "id-once"          // source and id are those of no other event
)

// maxSegment is how many bytes of a member's name a pointer shows.
const maxSegment = 64

// InvalidError says why an event is refused. It holds no value of the event, so
// it may be logged, stored and shown.
type InvalidError struct {
	Pointer string // a JSON pointer into the event, or a header's name; empty for the whole
	Rule    string // the rule that was broken: one short machine word
	Detail  string // what to do about it, in words
}

// Error says where, which rule, and what to do.
func (e *InvalidError) Error() string {
	where := e.Pointer
	if where == "" {
		where = "(whole event)"
	}
	return "invalid event: " + where + ": " + e.Rule + ": " + e.Detail
}

// invalid returns an InvalidError.
func invalid(pointer, rule, detail string) *InvalidError {
	return &InvalidError{Pointer: pointer, Rule: rule, Detail: detail}
}

// under puts a member's name, or an element's index, before err's pointer.
func (e *InvalidError) under(name string) *InvalidError {
	if len(name) > maxSegment {
		name = strings.ToValidUTF8(name[:maxSegment], "") + "…"
	}
	e.Pointer = "/" + pointerEscapes.Replace(name) + e.Pointer
	return e
}

// pointerEscapes escapes a name for a JSON pointer (RFC 6901).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
