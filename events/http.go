package events

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// BatchContentType is the media type of a batch of events in the JSON format.
const BatchContentType = "application/cloudevents-batch+json"

// batchPrefix is the common prefix of the media types of all batch formats.
const batchPrefix = formatPrefix + "-batch"

// ErrMediaType means that a Content-Type is malformed, or has an unsupported event format or
// charset. The HTTP status is 415.
var ErrMediaType = errors.New("unsupported media type: send " + ContentType + ", " + BatchContentType +
	", or one event in ce- headers with the media type of its data; JSON is read as utf-8 only")

// FromHTTP reads the events of a request, by the HTTP protocol binding: in batch mode if
// Content-Type begins with application/cloudevents-batch, in structured mode if Content-Type
// begins with application/cloudevents, or else in binary mode. Header names match in any case.
// Structured and batch mode ignore the ce- headers. The caller limits the size of the body;
// each event may have MaxSize bytes.
//
// batch reports whether the body is a batch, possibly empty. A batch is accepted or rejected as
// a whole. Two events with the same source and id are accepted: one event, sent twice.
//
// In binary mode the body is the data, byte for byte, and Content-Type is the datacontenttype.
// Without a Content-Type, a JSON body is JSON data, as in the other modes, and any other body
// is data of unknown type.
//
// An error wraps ErrMediaType, or is a *BatchError with every invalid event of a batch, or an
// *InvalidError: for a single event, for a batch other than a JSON array, or for a batch of
// more than MaxBatch events. The list is then nil.
func FromHTTP(header http.Header, body []byte) (list []Event, batch bool, err error) {
	return Reader{}.FromHTTP(header, body)
}

// FromHTTP is the function FromHTTP, by the rules of the Reader.
func (r Reader) FromHTTP(header http.Header, body []byte) (list []Event, batch bool, err error) {
	types, attrs, size := fold(header)
	contentType, format, err := requestType(types)
	batch = strings.HasPrefix(format, batchPrefix)
	if err != nil {
		return nil, batch, err
	}
	if batch {
		list, err = r.parseBatch(body)
		return list, batch, err
	}
	var e Event
	var problem *InvalidError
	if format == ContentType {
		e, problem = r.parse(body)
	} else if problem = checkSize(size + len(body)); problem == nil {
		e, problem = r.httpBinary(contentType, attrs, body)
	}
	if problem != nil {
		return nil, batch, problem
	}
	return []Event{e}, batch, nil
}

// requestType returns the Content-Type as sent, or "", and the media type in lower case. A type
// without a mode is an error.
func requestType(types []string) (contentType, format string, err error) {
	if len(types) > 1 {
		return "", "", unsupported("Content-Type is given more than once")
	}
	contentType = strings.Join(types, "")
	if contentType == "" {
		return "", "", nil
	}
	format = mediaType(contentType)
	isEvents := strings.HasPrefix(format, formatPrefix)
	_, parameters, _ := mime.ParseMediaType(contentType)
	charset, named := parameters["charset"]
	switch {
	case !isMediaType(contentType) || !plain(contentType):
		return "", format, unsupported("Content-Type is malformed")
	case isEvents && format != ContentType && format != BatchContentType:
		return "", format, unsupported("no such event format here")
	case named && !strings.EqualFold(charset, "utf-8") && (isEvents || IsJSON(contentType)):
		// Other data is not decoded, so any charset is accepted.
		return "", format, unsupported("the charset is not utf-8")
	}
	return contentType, format, nil
}

// unsupported returns ErrMediaType with a reason, and nothing of the request.
func unsupported(reason string) error { return fmt.Errorf("%s: %w", reason, ErrMediaType) }

// httpBinary reads an event in binary mode.
func (r Reader) httpBinary(contentType string, attrs []field, body []byte) (Event, *InvalidError) {
	if len(attrs) == 0 {
		return Event{}, invalid("", RuleMode, "send "+ContentType+", "+BatchContentType+", or the attributes in ce- headers")
	}
	if slices.ContainsFunc(attrs, func(f field) bool { return f.name == "datacontenttype" }) {
		return Event{}, invalid(attributePrefix+"datacontenttype", RuleContentType, "leave it out and send Content-Type")
	}
	e, err := r.headerEvent(contentType, attrs)
	if err != nil {
		return Event{}, err
	}
	err = payloadData(&e, body)
	if err != nil && contentType == "" {
		e.DataEncoded, e.DataBase64 = bytes.Clone(body), true
		err = nil
	}
	return e, err
}
