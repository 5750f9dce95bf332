// Package elasticsearch keeps records in an Elasticsearch data stream.
package elasticsearch
