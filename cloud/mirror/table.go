// Package mirror keeps what AWS has: typed tables per account and region,
// filled by paginated sweeps, targeted reads and the answers of our own writes,
// and read as immutable snapshots.
package mirror

import (
	"context"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Kind names a table, as "service/resource".
type Kind string

// Table describes one kind of AWS resource to the mirror. A further AWS
// resource is one further Table; nothing else changes.
type Table[T any] struct {
	Kind Kind
	// ID gives the key of a row: the id or ARN that AWS made.
	ID func(*T) string
	// Tags gives the row's tags; nil where they are not known.
	Tags func(*T) map[string]string
	// VPC gives the id of the VPC which holds the row, or "".
	VPC func(*T) string
	// List reads every row of the account and region, page by page. It returns
	// an error unless it has seen the last page.
	List func(ctx context.Context, s *cloud.Session, page func([]T) error) error
	// ByID reads rows by id. An id that AWS says doesn't exist is left out; any
	// other failure is an error. Nil where AWS has no such read. What takes a
	// further call (details, tags of load balancers) is left nil, for Carry.
	ByID func(ctx context.Context, s *cloud.Session, ids []string) ([]T, error)
	// Busy tells that AWS is changing the row by itself, so that it is worth
	// another look soon. Nil for kinds without transitions.
	Busy func(*T) bool
	// Complete reads what the list doesn't tell of the rows and one call tells of several
	// (tags), into them. It is called for rows that are new, before they are shown, and at
	// each listing for others in turn: at most Batch of those that concern somebody, and
	// Batch of the rest. So its cost doesn't grow with the number of rows. Nil where the
	// list says it.
	Complete func(ctx context.Context, s *cloud.Session, rows []*T) error
	// Completed tells whether the row has been completed.
	Completed func(*T) bool
	// Batch is how many rows one call of Complete takes.
	Batch int
	// Details reads the parts of one row that its list doesn't carry
	// (attributes, listeners) into the row. It is called once for a new row that
	// a cluster owns, and after that for one row of the table per sweep, in turn:
	// so its cost doesn't grow with the number of rows. Nil where the list says all.
	Details func(ctx context.Context, s *cloud.Session, row *T) error
	// Detailed tells whether the row's details have been read.
	Detailed func(*T) bool
	// Carry copies what the new row lacks because its read doesn't tell it
	// (details, tags) from the row known before. Nil where each read tells all.
	Carry func(known, read *T)
	// Rest is the sweep period of the table while nothing is changing; zero
	// means the mirror's own.
	Rest time.Duration
	// WriteHold is how long reads may show a row of the table as it was before our write,
	// where AWS takes its time to show that a change began; zero means the mirror's own.
	WriteHold time.Duration
	// Global says that the rows are the account's and in no region.
	Global bool

	// Describe reads one row by its name, below a parent in a table that has parents. A
	// table with it is read by name: what is wanted and nothing else, each row by itself,
	// and AWS's NotFound is the proof that there is none. It has no List, ByID and Details;
	// its ID gives the NameIn of parent and name.
	Describe func(ctx context.Context, s *cloud.Session, parent, name string) (*T, error)
	// Parent gives the parent of a row; nil in a table without.
	Parent func(*T) string
	// Names lists the names that a parent has, for those who want all of its rows. Nil
	// where AWS doesn't tell them.
	Names func(ctx context.Context, s *cloud.Session, parent string, page func(names []string) error) error
	// Budget is how many rows of a parent that aren't changing are described per period,
	// in turn: one if zero. Those that are Busy are described each time.
	Budget int
	// Changing is the period of a parent with rows that are Busy: 10 s if zero.
	Changing time.Duration
}

// NameIn is the id of a row of a table that is read by name.
func NameIn(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "/" + name
}
