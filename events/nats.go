package events

import (
	"bytes"
	"slices"
	"strings"
)

// The header names of a NATS message with an event.
const (
	HeaderContentType = "Content-Type"
	HeaderMsgID       = "Nats-Msg-Id"
	attributePrefix   = "ce-"
)

// ContentType is the media type of one event in the JSON format.
const ContentType = "application/cloudevents+json"

// formatPrefix is the common prefix of the media types of all event formats.
const formatPrefix = "application/cloudevents"

// FromNATS reads the event in a NATS message, by the NATS protocol binding, in an unambiguous
// order. A batch is rejected. application/cloudevents+json is structured mode; any other event
// format is rejected. A message with the header ce-specversion is binary mode. The rest must be
// a JSON object with a specversion. Header names match in any case. An error is an
// *InvalidError.
//
// In binary mode a header value is unquoted, and then percent-decoded once. The content type is
// ce-datacontenttype, or else Content-Type. Data without a content type must be JSON, like the
// data of our event types.
func FromNATS(header map[string][]string, payload []byte) (Event, error) {
	return Reader{}.FromNATS(header, payload)
}

// FromNATS is the function FromNATS, by the rules of the Reader.
func (r Reader) FromNATS(header map[string][]string, payload []byte) (Event, error) {
	e, err := r.fromNATS(header, payload)
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// fromNATS is FromNATS with the concrete error type.
func (r Reader) fromNATS(header map[string][]string, payload []byte) (Event, *InvalidError) {
	types, attrs, size := fold(header)
	if err := checkSize(size + len(payload)); err != nil {
		return Event{}, err
	}
	if len(types) > 1 {
		return Event{}, invalid(HeaderContentType, RuleDuplicate, "send the header once")
	}
	contentType := strings.Join(types, "")
	format := mediaType(contentType)
	switch {
	case format == ContentType:
		return r.parse(payload)
	case strings.HasPrefix(format, formatPrefix):
		return Event{}, invalid(HeaderContentType, RuleMode, "send one event per message, as "+ContentType+" or in binary mode")
	case slices.ContainsFunc(attrs, func(f field) bool { return f.name == "specversion" }):
		return r.natsBinary(contentType, attrs, payload)
	case looksLikeObject(payload):
		return r.parse(payload)
	}
	return Event{}, invalid("", RuleMode, "send a CloudEvent: a JSON object with specversion, or ce- headers")
}

// looksLikeObject reports whether a payload begins like a JSON object, in any encoding.
func looksLikeObject(payload []byte) bool {
	payload = bytes.TrimPrefix(payload, []byte(byteOrderMark))
	return wideEncoding(payload) != "" || bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{"))
}

// natsBinary reads an event in binary mode, and trims white space around JSON.
func (r Reader) natsBinary(contentType string, attrs []field, payload []byte) (Event, *InvalidError) {
	e, err := r.headerEvent(contentType, attrs)
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
