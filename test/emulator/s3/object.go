package s3

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

type (
	// PutObjectInput is the request of PutObject.
	PutObjectInput struct{ request }
	// GetObjectInput is the request of GetObject.
	GetObjectInput struct{ request }
	// HeadObjectInput is the request of HeadObject.
	HeadObjectInput struct{ request }
	// DeleteObjectInput is the request of DeleteObject.
	DeleteObjectInput struct{ request }
	// DeleteObjectsInput is the request of DeleteObjects.
	DeleteObjectsInput struct{ request }
	// ListObjectsV2Input is the request of ListObjectsV2.
	ListObjectsV2Input struct{ request }
)

func putObject(r *core.Request, in *PutObjectInput) (*response, error) {
	b, err := find(r, &in.request)
	if err != nil {
		return nil, err
	}
	if in.header.Get("If-None-Match") == "*" && b.objects.Get(in.key) != nil {
		return nil, refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	tags, err := headerTags(in.header.Get("X-Amz-Tagging"))
	if err != nil {
		return nil, err
	}
	made := &object{body: in.body, kind: in.header.Get("Content-Type"), modified: r.Now(), etag: fmt.Sprintf(`"%x"`, md5.Sum(in.body)), tags: tags,
		metadata: http.Header{}}
	for name, values := range in.header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			made.metadata[name] = values
		}
	}
	b.objects.Put(in.key, made, r.Now())
	return &response{header: http.Header{"Etag": {made.etag}}}, nil
}

// read finds an object; S3 has been consistent since 2020, so none is ever hidden.
func read(r *core.Request, in *request) (*object, *response, error) {
	b, err := find(r, in)
	if err != nil {
		return nil, nil, err
	}
	o := b.objects.Get(in.key)
	if o == nil {
		return nil, nil, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	out := &response{kind: o.kind, header: http.Header{"Etag": {o.etag}, "Last-Modified": {o.modified.UTC().Format(http.TimeFormat)},
		"Content-Length": {strconv.Itoa(len(o.body))}}}
	if len(o.tags) > 0 {
		out.header.Set("X-Amz-Tagging-Count", strconv.Itoa(len(o.tags)))
	}
	maps.Copy(out.header, o.metadata)
	return o, out, nil
}

func getObject(r *core.Request, in *GetObjectInput) (*response, error) {
	o, out, err := read(r, &in.request)
	if err != nil {
		return nil, err
	}
	out.body = o.body
	return out, nil
}

func headObject(r *core.Request, in *HeadObjectInput) (*response, error) {
	_, out, err := read(r, &in.request)
	return out, err
}

// deleteObject succeeds for one that isn't there.
func deleteObject(r *core.Request, in *DeleteObjectInput) (*response, error) {
	b, err := find(r, &in.request)
	if err != nil {
		return nil, err
	}
	b.objects.Delete(in.key)
	return &response{status: http.StatusNoContent}, nil
}

// mostKeys is the limit of DeleteObjects and of one page of ListObjectsV2.
const mostKeys = 1000

func deleteObjects(r *core.Request, in *DeleteObjectsInput) (*response, error) {
	b, err := find(r, &in.request)
	if err != nil {
		return nil, err
	}
	type key struct{ Key string }
	var asked struct {
		Quiet  bool
		Object []key
	}
	if xml.Unmarshal(in.body, &asked) != nil || len(asked.Object) == 0 || len(asked.Object) > mostKeys {
		return nil, refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	out := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Deleted []key
	}{}
	for _, gone := range asked.Object {
		b.objects.Delete(gone.Key)
		r.Touch(in.bucket + "/" + gone.Key)
		if !asked.Quiet {
			out.Deleted = append(out.Deleted, gone)
		}
	}
	return document(out)
}

// listObjectsV2 lists in the order of keys, without delimiters.
func listObjectsV2(r *core.Request, in *ListObjectsV2Input) (*response, error) {
	b, err := find(r, &in.request)
	if err != nil {
		return nil, err
	}
	rows := b.objects.Rows()
	sort.Slice(rows, func(i, j int) bool { return rows[i].ID < rows[j].ID })
	type line struct {
		Key, LastModified, ETag string
		Size                    int
	}
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, Prefix          string
		KeyCount, MaxKeys     int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []line
	}{Name: in.bucket, Prefix: in.query.Get("prefix"), MaxKeys: mostKeys}
	if given, err := strconv.Atoi(in.query.Get("max-keys")); err == nil && given < mostKeys {
		out.MaxKeys = given
	}
	after := max(in.query.Get("continuation-token"), in.query.Get("start-after"))
	for _, row := range rows {
		if !strings.HasPrefix(row.ID, out.Prefix) || row.ID <= after {
			continue
		}
		if len(out.Contents) == out.MaxKeys {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[len(out.Contents)-1].Key
			break
		}
		out.Contents = append(out.Contents, line{Key: row.ID, LastModified: row.Value.modified.UTC().Format(timeFormat), ETag: row.Value.etag, Size: len(row.Value.body)})
	}
	out.KeyCount = len(out.Contents)
	return document(out)
}
