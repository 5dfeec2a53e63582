package vendors

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

var errOtherPath = errors.New("an id in the path of the call is a dot or two, or has such a part, and would lead to another resource")

// checkPath returns an error for a path with the segment . or .. in any form. Servers and proxies
// resolve such a path, some after decoding %2F, so an id of a sender or of a vendor would choose the
// resource of the call.
func checkPath(path string) error {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil // no URL
	}
	for segment := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		segment, _, _ = strings.Cut(segment, ";") // parameters, which servers of Java remove
		if segment == "." || segment == ".." {
			return errOtherPath
		}
	}
	return nil
}

// checkHeader returns an error for a value that no header can carry. net/http fails such a call too, as
// if the vendor could not be reached: the call would be made again and again.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the value of the header %s has a control character", name)
			}
		}
	}
	return nil
}
