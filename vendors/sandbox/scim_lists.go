package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// scimCut is the largest page of a server that cuts pages.
const scimCut = 20

// scimTerm is one comparison of a filter.
var scimTerm = regexp.MustCompile(`^([A-Za-z.]+) eq "((?:[^"\\]|\\["\\])*)"$`)

// scimFilter returns the comparisons of a filter, attribute to value. Only eq and "and" are known,
// as at most servers.
func scimFilter(filter string) (terms map[string]string, ok bool) {
	terms = map[string]string{}
	for term := range strings.SplitSeq(filter, " and ") {
		parts := scimTerm.FindStringSubmatch(term)
		if parts == nil {
			return nil, false
		}
		terms[parts[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(parts[2])
	}
	return terms, true
}

// matches reports whether the user has the value, and whether the attribute can be compared.
func (s *scim) matches(u *scimUser, attribute, value string) (hit, known bool) {
	switch attribute {
	case "userName":
		if name := text(u.attrs["userName"]); s.is("filter", "contains") {
			return containsFold(name, value), true
		}
		return strings.EqualFold(text(u.attrs["userName"]), value), true
	case "externalId":
		return text(u.attrs["externalId"]) == value, !s.is("filter", "user_name")
	}
	return false, false
}

// found returns the visible users of a filter. ok is false for an unknown filter.
func (s *scim) found(filter string) (hits []*scimUser, ok bool) {
	terms := map[string]string{}
	if filter != "" && !s.is("filter", "ignored") {
		if terms, ok = scimFilter(filter); !ok {
			return nil, false
		}
	}
	for name := range terms {
		if _, known := s.matches(&scimUser{}, name, ""); !known {
			return nil, false
		}
	}
	for _, u := range s.visible() {
		all := true
		for name, value := range terms {
			hit, _ := s.matches(u, name, value)
			all = all && hit
		}
		if all {
			hits = append(hits, u)
		}
	}
	return hits, true
}

func (s *scim) listUsers(w http.ResponseWriter, r *http.Request) {
	hits, ok := s.found(r.URL.Query().Get("filter"))
	if !ok {
		s.refuse(w, http.StatusBadRequest, "invalidFilter", "the filter is not supported")
		return
	}
	resources := make([]any, 0, len(hits))
	for _, u := range hits {
		resources = append(resources, s.resource(u))
	}
	s.answerList(w, r, resources)
}

// answerList answers with one page of a list. The switch pages: index, by startIndex; cut, with
// small pages; cursor, without startIndex; one, with the size of the page as the total; zero, with
// 0 as the index of the first resource; turning, in another order each time; stuck, the
// first page whatever the index.
func (s *scim) answerList(w http.ResponseWriter, r *http.Request, all []any) {
	q := r.URL.Query()
	size := min(positive(q.Get("count"), scimPage), 1000)
	if s.is("pages", "cut") {
		size = min(size, scimCut)
	}
	start := positive(q.Get("startIndex"), 1) - 1
	switch {
	case s.is("pages", "cursor"):
		if q.Has("startIndex") {
			s.refuse(w, http.StatusBadRequest, "invalidValue", "startIndex is not supported")
			return
		}
		start = positive(strings.TrimPrefix(q.Get("cursor"), "c"), 0)
	case s.is("pages", "zero"):
		start++
	case s.is("pages", "stuck"):
		start = 0
	}
	from := min(start, len(all))
	page := all[from:min(from+size, len(all))]
	body := object{"schemas": []any{scimListSchema}, "totalResults": len(all), "startIndex": start + 1, "itemsPerPage": len(page), "Resources": slices.Clone(page)}
	switch {
	case s.is("pages", "one"):
		body["totalResults"] = len(page)
	case s.is("pages", "cursor"):
		delete(body, "totalResults")
		delete(body, "startIndex")
		if from+size < len(all) {
			body["nextCursor"] = "c" + strconv.Itoa(from+size)
		}
	}
	if len(page) == 0 && s.is("nobody", "null") {
		body["Resources"] = nil
	}
	if len(page) == 0 && s.is("nobody", "missing") {
		delete(body, "Resources")
	}
	s.answer(w, http.StatusOK, body)
}
