package wire

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type inner struct {
	Key  *string
	Port int32
}

type input struct {
	Name  *string
	On    *bool
	Size  *int32
	When  *time.Time
	Data  []byte
	Kind  string
	Flat  []string
	Boxed []inner
	One   *inner
}

var table = &Table{
	In: map[string]map[string]string{
		"input": {"Name": "Name", "On": "On", "Size": "Size", "When": "When", "Data": "Data", "Kind": "Kind", "Flat": "Flat", "Boxed": "Boxed.member", "One": "One"},
		"inner": {"Key": "Key", "Port": "Port"},
	},
	Out: map[string]map[string]string{
		"input": {"Name": "name", "On": "on", "When": "when", "Kind": "kind", "Flat": "flat", "Boxed": "boxedSet>item", "One": "one"},
		"inner": {"Key": "key", "Port": "port"},
	},
}

func of[T any](v T) *T { return &v }

func TestFormBecomesAStruct(t *testing.T) {
	form, _ := url.ParseQuery("Name=n&On=true&Size=7&When=2026-01-02T03:04:05Z&Data=aGk%3D&Kind=k&Flat.1=a&Flat.2=b&Flat.4=never" +
		"&Boxed.member.1.Key=x&Boxed.member.1.Port=1&Boxed.member.2.Port=2&One.Key=y&Unknown=1")
	var got input
	if err := table.Decode(form, &got); err != nil {
		t.Fatal(err)
	}
	want := input{Name: of("n"), On: of(true), Size: of(int32(7)), When: of(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Data: []byte("hi"), Kind: "k",
		Flat: []string{"a", "b"}, Boxed: []inner{{Key: of("x"), Port: 1}, {Port: 2}}, One: &inner{Key: of("y")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBareListParameterIsAnEmptyListAndAbsentOneIsNone(t *testing.T) {
	var got input
	if err := table.Decode(url.Values{"Boxed": {""}}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Boxed == nil || got.Flat != nil {
		t.Errorf("decoded %+v, want an empty and an absent list", got)
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	for form, says := range map[string]string{
		"Size=big":                `parameter Size: "big" is not an integer`,
		"Size=99999999999":        `parameter Size: "99999999999" is not an integer`,
		"On=perhaps":              `parameter On: "perhaps" is not true or false`,
		"When=today":              `parameter When: "today" is not a time`,
		"Data=*":                  `parameter Data: "*" is not base64`,
		"Boxed.member.1.Port=one": `parameter Boxed.member.1.Port: "one" is not an integer`,
	} {
		values, _ := url.ParseQuery(form)
		if err := table.Decode(values, &input{}); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: %v, want %q", form, err, says)
		}
	}
}

func TestStructBecomesXML(t *testing.T) {
	got, err := table.Encode(&input{Name: of("<&>"), On: of(false), When: of(time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)), Flat: []string{"a", "b"},
		Boxed: []inner{{Key: of("x")}, {Port: 2}}})
	want := `<boxedSet><item><key>x</key><port>0</port></item><item><port>2</port></item></boxedSet><flat>a</flat><flat>b</flat>` +
		`<name>&lt;&amp;&gt;</name><on>false</on><when>2026-01-02T03:04:05.006Z</when>`
	if err != nil || string(got) != want {
		t.Errorf("%s (%v)\nwant\n%s", got, err, want)
	}
}

func TestEmptyListIsWrittenAndAbsentOneIsNot(t *testing.T) {
	got, err := table.Encode(&input{Boxed: []inner{}})
	if err != nil || string(got) != "<boxedSet></boxedSet>" {
		t.Errorf("%s (%v), want the empty set", got, err)
	}
}

func TestTableThatNamesAMissingFieldIsReported(t *testing.T) {
	stale := &Table{In: map[string]map[string]string{"inner": {"Gone": "Gone"}}, Out: map[string]map[string]string{"inner": {"Gone": "gone"}}}
	if err := stale.Decode(url.Values{}, &inner{}); err == nil {
		t.Error("decoding took it")
	}
	if _, err := stale.Encode(&inner{}); err == nil {
		t.Error("encoding took it")
	}
}
