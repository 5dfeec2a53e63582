package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Limits of a compressed delivery.
const (
	maxRatio  = 100      // plain bytes for each sent byte
	freeRatio = 64 << 10 // plain bytes without a limit of the ratio
)

// coding returns the coding of a body in lower case; "" for none.
func coding(header http.Header) string {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(header.Values("Content-Encoding"), ",")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// plainBody returns the header and the body of a verified delivery without the coding gzip, charged
// to the budget of the sender. Reports false after answering the request with an error.
func (p *endpoint) plainBody(w http.ResponseWriter, r *http.Request, in *received, limit int64) (http.Header, []byte, bool) {
	if coding(r.Header) != "" && !in.charge.grow(in.charge.bytes+mostPlain(in.body, limit)) {
		p.busy(w, r)
		return nil, nil, false
	}
	header, body, problem := plain(r.Header, in.body, limit)
	if problem != nil {
		p.refuse(w, r, *problem)
	}
	return header, body, problem == nil
}

// Plain returns the header and the body of a delivery without the coding gzip, with at most limit
// bytes.
func Plain(header http.Header, sent []byte, limit int64) (http.Header, []byte, error) {
	header, body, problem := plain(header, sent, limit)
	if problem != nil {
		return nil, nil, errors.New(problem.Detail)
	}
	return header, body, nil
}

func plain(header http.Header, sent []byte, limit int64) (http.Header, []byte, *problem) {
	if coding(header) == "" {
		return header, sent, nil
	}
	body, problem := gunzip(sent, limit)
	if problem != nil {
		return nil, nil, problem
	}
	header = header.Clone()
	header.Del("Content-Encoding")
	header.Del("Content-Length")
	return header, body, nil
}

// mostPlain returns the most plain bytes of a compressed body.
func mostPlain(sent []byte, limit int64) int64 {
	return min(limit, max(freeRatio, int64(len(sent))*maxRatio))
}

// gunzip returns at most limit plain bytes, or the answer to a body that has more, or is no gzip.
func gunzip(sent []byte, limit int64) ([]byte, *problem) {
	most := mostPlain(sent, limit)
	reader, err := gzip.NewReader(bytes.NewReader(sent))
	if err != nil {
		return nil, &problem{Status: http.StatusBadRequest, Detail: "the body is not gzip, as Content-Encoding says"}
	}
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(reader, most+1))
	switch {
	case n > most:
		return nil, &problem{Status: http.StatusRequestEntityTooLarge, Detail: "the uncompressed body is too large"}
	case err != nil:
		return nil, &problem{Status: http.StatusBadRequest, Detail: "the compressed body ends early, or is damaged"}
	}
	return body.Bytes(), nil
}
