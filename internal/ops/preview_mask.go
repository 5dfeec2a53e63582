package ops

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// PreviewRequest is a call that would change a vendor, as the vendor would get the call. In place of
// personal values stand the names of the members, such as <email>. Credentials are left out.
type PreviewRequest struct {
	Op     string          `json:"op"`
	Method string          `json:"method"`
	Path   string          `json:"path"`           // below the base URL, with the query
	Body   json.RawMessage `json:"body,omitempty"` // a form is shown as an object
}

// hidden stands for a text that is not of the user, and may be personal all the same: some vendors
// get their own data of the account back.
const hidden = "<hidden>"

var (
	// personalKey matches names of members with personal values.
	personalKey = regexp.MustCompile(`(?i)(first|last|full|given|family|sur|nick|display|user)_?name|^name$|mail|phone|mobile|address|street|city|zip|postal|birth|gender|photo|avatar|bio`)
	// constant matches texts that an adapter writes: roles, types, ids, times.
	constant = regexp.MustCompile(`^[A-Za-z0-9_.:+/-]{0,64}$`)
)

// masker replaces the personal values of a user.
type masker struct {
	names  []string          // the values, longest first
	values map[string]string // value in lower case → <member>
	ids    map[string]bool   // user ids, which stay
}

// newMasker returns a masker of the values in data of users. Locales and time zones stay, since
// they name no person, and user ids, which all commands show.
func newMasker(data ...[]byte) masker {
	m := masker{values: map[string]string{}, ids: map[string]bool{}}
	for _, one := range data {
		var members map[string]any
		d := json.NewDecoder(bytes.NewReader(one))
		d.UseNumber()
		if d.Decode(&members) != nil {
			continue
		}
		if id, ok := members["user_id"].(string); ok {
			m.ids[id] = true
		}
		for _, stays := range []string{"user_id", "locale", "time_zone", "course_id", "vendor", "starts_on", "ends_on", "occurred_at"} {
			delete(members, stays)
		}
		m.add("", members)
	}
	m.names = slices.SortedFunc(maps.Keys(m.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	return m
}

// add adds the texts and numbers of a value.
func (m masker) add(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			m.add(strings.TrimPrefix(name+"."+key, "."), v[key])
		}
	case []any:
		for _, one := range v {
			m.add(name, one)
		}
	case string, json.Number:
		if text := strings.ToLower(strings.TrimSpace(fmt.Sprint(v))); text != "" {
			if _, known := m.values[text]; !known {
				m.values[text] = "<" + name + ">"
			}
		}
	}
}

// leastPart is the least length of a value that is replaced inside a longer text.
const leastPart = 3

// text masks a text below a key.
func (m masker) text(key, value string) string {
	if strings.Contains(strings.ToLower(key), "password") {
		return "<password>"
	}
	if m.ids[value] {
		return value
	}
	if name, ok := m.values[strings.ToLower(strings.TrimSpace(value))]; ok {
		return name
	}
	masked := value
	for _, part := range m.names {
		if len(part) >= leastPart {
			masked = replaceFold(masked, part, m.values[part])
		}
	}
	rest := placeholder.ReplaceAllString(masked, "")
	if !constant.MatchString(strings.ReplaceAll(rest, " ", "")) || (masked == value && value != "" && personalKey.MatchString(key)) {
		return hidden
	}
	return masked
}

var placeholder = regexp.MustCompile(`<[^<>]*>`)

// replaceFold replaces each occurrence of part, which is in lower case, in any case. Placeholders
// stay.
func replaceFold(text, part, with string) string {
	lower := strings.ToLower(text)
	if len(lower) != len(text) { // a letter of another length in lower case
		text = lower
	}
	var out strings.Builder
	for {
		at := strings.Index(lower, part)
		open := strings.IndexByte(lower, '<')
		if at < 0 {
			return out.String() + text
		}
		if end := strings.IndexByte(lower, '>'); open >= 0 && open < at && end > open { // skip a placeholder
			out.WriteString(text[:end+1])
			text, lower = text[end+1:], lower[end+1:]
			continue
		}
		out.WriteString(text[:at] + with)
		text, lower = text[at+len(part):], lower[at+len(part):]
	}
}

// value masks the texts and numbers of a JSON value.
func (m masker) value(key string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = m.value(name, v[name])
		}
	case []any:
		for i := range v {
			v[i] = m.value(key, v[i])
		}
	case string:
		return m.text(key, v)
	case json.Number:
		if name, ok := m.values[v.String()]; ok {
			return name
		}
	}
	return value
}

// request masks a call.
func (m masker) request(r vendors.Request) PreviewRequest {
	p := PreviewRequest{Op: r.Op, Method: r.Method, Path: m.path(r.Path)}
	if len(r.Query) > 0 {
		p.Path += "?" + m.form(r.Query)
	}
	var body any
	switch {
	case len(r.Body) == 0:
		return p
	case r.ContentType == "application/json":
		d := json.NewDecoder(bytes.NewReader(r.Body))
		d.UseNumber()
		if d.Decode(&body) != nil {
			return p
		}
	default:
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			return p
		}
		fields := map[string]any{}
		for name, values := range form {
			fields[name] = strings.Join(values, ",")
		}
		body = fields
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(m.value("", body)) == nil {
		p.Body = bytes.TrimSpace(out.Bytes())
	}
	return p
}

// path masks the segments of a path.
func (m masker) path(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			if masked := m.text("", plain); masked != plain {
				segments[i] = masked
			}
		}
	}
	return strings.Join(segments, "/")
}

// form masks a query, and leaves placeholders readable.
func (m masker) form(query url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[name] {
			masked := m.text(name, value)
			if masked == value {
				masked = url.QueryEscape(value)
			}
			pairs = append(pairs, name+"="+masked)
		}
	}
	return strings.Join(pairs, "&")
}
