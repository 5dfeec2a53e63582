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

// BatchContentType says that a body holds a batch of events in the JSON format.
const BatchContentType = "application/cloudevents-batch+json"

// batchPrefix is what the media types of all batch formats begin with.
const batchPrefix = formatPrefix + "-batch"

// ErrMediaType says that a request's Content-Type is malformed, or names an event
// format or a charset that is not read here. HTTP's answer to it is 415.
var ErrMediaType = errors.New("unsupported media type: send " + ContentType + ", " + BatchContentType +
	", or one event in ce- headers with the media type of its data; JSON is read as utf-8 only")

// FromHTTP reads the events that a request carries, by the HTTP protocol binding:
// in batch mode where Content-Type begins with application/cloudevents-batch, in
// structured mode where it begins with application/cloudevents, else in binary
// mode. Names of headers count in any case. In structured and batch mode the ce-
// headers do not count. The caller limits the size of the body; each event may
// have MaxSize bytes.
//
// Batch tells whether the body is a batch, which may be empty. A batch is taken
// whole or refused whole. Two events of one source and id are let in: they are
// one event, sent twice.
//
// In binary mode the body is the data, byte for byte, and Content-Type is its
// datacontenttype. Without one, a body that is JSON is JSON, as in the other
// modes, and any other is bytes of which nothing is known.
//
// An error wraps ErrMediaType, or is a *BatchError that tells of every bad event
// of a batch, or an *InvalidError: of the one event, or of a batch that is no JSON
// array or holds more than MaxBatch events. The list is then nil.
func FromHTTP(header http.Header, body []byte) (list []Event, batch bool, err error) {
	types, attrs, size := fold(header)
	contentType, format, err := requestType(types)
	batch = strings.HasPrefix(format, batchPrefix)
	if err != nil {
		return nil, batch, err
	}
	if batch {
		list, err = parseBatch(body)
		return list, batch, err
	}
	var e Event
	var problem *InvalidError
	if format == ContentType {
		e, problem = parse(body)
	} else if problem = fits(size + len(body)); problem == nil {
		e, problem = httpBinary(contentType, attrs, body)
	}
	if problem != nil {
		return nil, batch, problem
	}
	return []Event{e}, batch, nil
}

// requestType returns the Content-Type as sent, "" where there is none or an
// empty one, and its media type in lower case. It refuses what no mode reads.
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
		// Other data is not read here, so that its charset is free.
		return "", format, unsupported("the charset is not utf-8")
	}
	return contentType, format, nil
}

// unsupported is ErrMediaType with what is wrong. It holds nothing of the request.
func unsupported(what string) error { return fmt.Errorf("%s: %w", what, ErrMediaType) }

// httpBinary reads an event in binary mode.
func httpBinary(contentType string, attrs []field, body []byte) (Event, *InvalidError) {
	if len(attrs) == 0 {
		return Event{}, invalid("", RuleMode, "send "+ContentType+", "+BatchContentType+", or the attributes in ce- headers")
	}
	if slices.ContainsFunc(attrs, func(f field) bool { return f.name == "datacontenttype" }) {
		return Event{}, invalid(attributePrefix+"datacontenttype", RuleContentType, "leave it out and send Content-Type")
	}
	e, err := headerEvent(contentType, attrs)
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
