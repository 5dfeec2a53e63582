package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// refuse answers with an error of SCIM.
func (s *scim) refuse(w http.ResponseWriter, status int, kind, detail string) {
	body := object{"schemas": []string{scimErrorSchema}, "status": strconv.Itoa(status), "detail": detail}
	if kind != "" {
		body["scimType"] = kind
	}
	s.answer(w, status, body)
}

// absent answers for a missing resource.
func (s *scim) absent(w http.ResponseWriter, id string) {
	if s.is("gone", "html") {
		scimPageOfHTML(w)
		return
	}
	s.refuse(w, http.StatusNotFound, "", "Resource "+id+" not found")
}

// scimPageOfHTML answers 404 with a page for people.
func scimPageOfHTML(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte("<!DOCTYPE html><title>Page not found</title>"))
}

// answer writes v with the media type of SCIM, in the form of the switches.
func (s *scim) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/scim+json")
	answerAs(w, status, s.written(v))
}

// written returns a JSON value with names of attributes and booleans in the form of the switches.
func (s *scim) written(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, value := range v {
			if s.is("attributes", "lower") {
				name = strings.ToLower(name)
			}
			out[name] = s.written(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = s.written(v[i])
		}
		return out
	case bool:
		if s.is("booleans", "text") {
			return map[bool]string{true: "True", false: "False"}[v]
		}
	}
	return v
}

func (s *scim) showProvider(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.is("provider", "404"):
		s.refuse(w, http.StatusNotFound, "", "no such endpoint")
		return
	case s.is("provider", "html"):
		scimPageOfHTML(w)
		return
	}
	patches := !s.is("provider", "lies") && !s.is("patch", "501") && !s.is("patch", "405")
	s.answer(w, http.StatusOK, object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":   object{"supported": patches}, "bulk": object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter": object{"supported": true, "maxResults": scimPage}, "changePassword": object{"supported": false},
		"sort": object{"supported": false}, "etag": object{"supported": s.is("etag", "version")}, "authenticationSchemes": []any{},
	})
}
