package vendors

import "net/http"

const (
	mostPages = 10_000 // more pages mean a broken list, unless Pages.Most says otherwise
	// A list may show items again: as many as the different items, and sparedAgain. New accounts move
	// others to the next page, so a growing list ends in many short pages without a new item.
	sparedAgain = 1000
)

// Pages follows the reading of a list page by page, and stops a list without an end. The zero value
// allows 10,000 pages.
type Pages struct {
	Most int // pages of the longest list

	seen  Seen
	again int // items that were shown before
	read  int // pages
}

// Add adds an item of the page in hand, and reports whether the item is new in the list.
func (p *Pages) Add(id string) bool {
	if p.seen.Add(id) {
		return true
	}
	p.again++
	return false
}

// Round reports whether the pages go round: the list has shown too many items again.
func (p *Pages) Round() bool { return p.again > p.seen.Len()+sparedAgain }

// Len returns the number of different items.
func (p *Pages) Len() int { return p.seen.Len() }

// Turn ends a page with items, before the next page. An error of the call op means a broken list.
func (p *Pages) Turn(vendor, op string) error {
	p.read++
	most := p.Most
	if most == 0 {
		most = mostPages
	}
	broken := &Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true}
	switch {
	case p.Round():
		broken.Message = "the pages of the list go round"
	case p.read >= most:
		broken.Message = "the list does not end"
	default:
		return nil
	}
	return broken
}
