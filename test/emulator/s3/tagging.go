package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"sort"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

type (
	// PutObjectTaggingInput is the request of PutObjectTagging.
	PutObjectTaggingInput struct{ request }
	// GetObjectTaggingInput is the request of GetObjectTagging.
	GetObjectTaggingInput struct{ request }
	// DeleteObjectTaggingInput is the request of DeleteObjectTagging.
	DeleteObjectTaggingInput struct{ request }
)

// How many tags objects and buckets may have.
const (
	mostObjectTags = 10
	mostBucketTags = core.MostTags
)

type tag struct{ Key, Value string }

// tagging is the document that says which tags something has.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

// tagSet reads a <Tagging> document and holds it to S3's rules.
func tagSet(body []byte, most int) (map[string]string, error) {
	var given tagging
	if xml.Unmarshal(body, &given) != nil {
		return nil, refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	return checked(given.Tags, most)
}

// headerTags reads the tags of the header x-amz-tagging.
func headerTags(header string) (map[string]string, error) {
	query, err := url.ParseQuery(header)
	given := []tag{}
	for key, values := range query {
		for _, value := range values {
			given = append(given, tag{key, value})
		}
	}
	if err != nil || len(given) != len(query) {
		return nil, refuse(http.StatusBadRequest, "InvalidArgument",
			"The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	return checked(given, mostObjectTags)
}

func checked(given []tag, most int) (map[string]string, error) {
	out := map[string]string{}
	if len(given) > most && most == mostObjectTags {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than 10")
	} else if len(given) > most {
		return nil, refuse(http.StatusBadRequest, "InvalidTag", "Bucket tag count cannot be greater than 50")
	}
	for _, t := range given {
		problem := core.TagProblem(t.Key, t.Value)
		if _, twice := out[t.Key]; twice {
			problem = "Cannot provide multiple Tags with the same key"
		}
		if problem != "" {
			return nil, refuse(http.StatusBadRequest, "InvalidTag", problem)
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

func putObjectTagging(r *core.Request, in *PutObjectTaggingInput) (*response, error) {
	o, _, err := read(r, &in.request)
	if err != nil {
		return nil, err
	}
	tags, err := tagSet(in.body, mostObjectTags)
	if err != nil {
		return nil, err
	}
	o.tags = tags
	return &response{}, nil
}

// getObjectTagging shows an empty set for an object without tags.
func getObjectTagging(r *core.Request, in *GetObjectTaggingInput) (*response, error) {
	o, _, err := read(r, &in.request)
	if err != nil {
		return nil, err
	}
	out := tagging{}
	for key, value := range o.tags {
		out.Tags = append(out.Tags, tag{key, value})
	}
	sort.Slice(out.Tags, func(i, j int) bool { return out.Tags[i].Key < out.Tags[j].Key })
	return document(out)
}

func deleteObjectTagging(r *core.Request, in *DeleteObjectTaggingInput) (*response, error) {
	o, _, err := read(r, &in.request)
	if err != nil {
		return nil, err
	}
	o.tags = map[string]string{}
	return &response{status: http.StatusNoContent}, nil
}

// tags are the tags of the bucket.
func (b *bucket) tags() map[string]string {
	body, ok := b.settings["BucketTagging"]
	if !ok {
		return map[string]string{}
	}
	tags, _ := tagSet(body, mostBucketTags) // it was checked when it was put
	return tags
}
