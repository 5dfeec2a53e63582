package events

import "strings"

// MaxSize is the maximum size of an event with envelope, in bytes: 1 MiB, the default
// max_payload of NATS.
const MaxSize = 1 << 20

// MaxAttribute is the maximum size of an attribute value in bytes. Results repeat some
// attributes, id up to three times, and must fit within MaxSize.
const MaxAttribute = 8 << 10

// MaxDepth is the maximum nesting of objects and arrays, including the event's own object.
const MaxDepth = 64

// MaxValues is the maximum number of JSON values in an event: a value of three bytes can take a
// thousand bytes in memory.
const MaxValues = 16_384

// The values of InvalidError.Rule. A broken rule of a JSON Schema is "schema:" and the keyword,
// such as "schema:format".
const (
	RuleSize          = "size"             // at most MaxSize bytes, MaxAttribute of them in an attribute
	RuleUTF8          = "utf8"             // valid UTF-8, no lone surrogates
	RuleJSON          = "json"             // exactly one JSON document
	RuleNumber        = "number"           // numbers that fit a 64-bit float
	RuleDepth         = "depth"            // at most MaxDepth levels
	RuleValues        = "values"           // at most MaxValues values
	RuleDuplicate     = "duplicate-name"   // each name once per object, each attribute once
	RuleAttributeName = "attribute-name"   // a-z and 0-9 only, not "data"
	RuleAttributeType = "attribute-type"   // string, boolean or 32-bit integer
	RuleCharacters    = "characters"       // no control characters or noncharacters in attributes
	RuleSpecVersion   = "specversion"      // "1.0"
	RuleRequired      = "required"         // present and not empty
	RuleEmpty         = "empty"            // missing or not empty
	RuleTime          = "time"             // RFC 3339
	RuleURI           = "uri"              // an absolute URI
	RuleURIReference  = "uri-reference"    // a URI or a relative reference
	RuleMediaType     = "media-type"       // RFC 2046; JSON for our event types
	RuleBase64        = "base64"           // the standard alphabet, padded
	RuleDataOnce      = "data-or-base64"   // data or data_base64, never both
	RuleDataString    = "data-string"      // data other than JSON is a string
	RuleMode          = "mode"             // one event, structured as JSON or binary
	RuleQuotedString  = "quoted-string"    // a header value's closing quote
	RulePercent       = "percent-encoding" // valid UTF-8 behind every %XX
	RuleType          = "type"             // an event type that Usher accepts
	RuleNameCase      = "name-case"        // no name that differs from a schema's name only in case
	RuleContentType   = "content-type"     // over HTTP, datacontenttype is the header Content-Type
	RuleBatchSize     = "batch-size"       // at most MaxBatch events in a batch
	RuleIDOnce        = "id-once"          // no other event with this source and id
)

// maxSegment is the number of bytes of a member name in a pointer.
const maxSegment = 64

// InvalidError is the reason for rejecting an event. The fields contain no value of the event,
// and may be logged, stored and shown.
type InvalidError struct {
	Pointer string // JSON pointer into the event, or name of a header; "" for the whole event
	Rule    string // the broken rule, one of the constants or "schema:…"
	Detail  string // the correction, in words
}

// Error returns pointer, rule and correction.
func (e *InvalidError) Error() string {
	pointer := e.Pointer
	if pointer == "" {
		pointer = "(whole event)"
	}
	return "invalid event: " + pointer + ": " + e.Rule + ": " + e.Detail
}

// invalid returns an InvalidError.
func invalid(pointer, rule, detail string) *InvalidError {
	return &InvalidError{Pointer: pointer, Rule: rule, Detail: detail}
}

// under prepends a member name or an element index to the pointer.
func (e *InvalidError) under(name string) *InvalidError {
	if len(name) > maxSegment {
		name = strings.ToValidUTF8(name[:maxSegment], "") + "…"
	}
	e.Pointer = "/" + pointerEscapes.Replace(name) + e.Pointer
	return e
}

// pointerEscapes escapes a name for a JSON pointer (RFC 6901).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
