package events

import (
	"bytes"
	"slices"
	"strings"
)

// The names of the headers of a message that holds an event.
const (
	HeaderContentType = "Content-Type"
	HeaderMsgID       = "Nats-Msg-Id"
	attributePrefix   = "ce-"
)

// ContentType says that a message holds one event in the JSON format.
const ContentType = "application/cloudevents+json"

// formatPrefix is what the media types of all event formats begin with.
const formatPrefix = "application/cloudevents"

// FromNATS reads the event in a NATS message, by the NATS protocol binding and
// in the order that leaves no doubt: a batch is refused; application/cloudevents+json
// is structured, any other event format is refused; with a ce-specversion header
// the message is binary; what is left must be a JSON object with a specversion.
// Names of headers count in any case. An error is an *InvalidError.
//
// In binary mode a value is unquoted, then percent-decoded once. The content
// type is ce-datacontenttype, or Content-Type where that is not there. Data
// without a content type must be JSON, as our types' data is.
func FromNATS(header map[string][]string, payload []byte) (Event, error) {
	e, err := fromNATS(header, payload)
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// fromNATS is FromNATS with the error's own type.
func fromNATS(header map[string][]string, payload []byte) (Event, *InvalidError) {
	types, attrs, size := fold(header)
	if err := fits(size + len(payload)); err != nil {
		return Event{}, err
	}
	if len(types) > 1 {
		return Event{}, invalid(HeaderContentType, RuleDuplicate, "send the header once")
	}
	contentType := strings.Join(types, "")
	format := mediaType(contentType)
	switch {
	case format == ContentType:
		return parse(payload)
	case strings.HasPrefix(format, formatPrefix):
		return Event{}, invalid(HeaderContentType, RuleMode, "send one event per message, as "+ContentType+" or in binary mode")
	case slices.ContainsFunc(attrs, func(f field) bool { return f.name == "specversion" }):
		return natsBinary(contentType, attrs, payload)
	case bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")):
		return parse(payload)
	}
	return Event{}, invalid("", RuleMode, "send a CloudEvent: a JSON object with specversion, or ce- headers")
}

// natsBinary reads an event in binary mode. White space around JSON is cut.
func natsBinary(contentType string, attrs []field, payload []byte) (Event, *InvalidError) {
	e, err := headerEvent(contentType, attrs)
	if err != nil {
		return Event{}, err
	}
	if err := payloadData(&e, payload); err != nil {
		return Event{}, err
	}
	if !e.DataBase64 {
		e.DataEncoded = bytes.TrimSpace(e.DataEncoded)
	}
	return e, nil
}
