'use strict';
// Reads mails as other software would: a JSON line in, a JSON line out, in order.
//   in:  {"mail": base64, "records": {"selector._domainkey.domain": TXT}}
//   out: {"signatures": [{"result", "algorithm", "comment"}], "mail": {...}} or {"error": message}
const readline = require('node:readline');
const libmime = require('libmime');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { simpleParser } = require('mailparser');

function resolver(records) {
    return async (name, type) => {
        if (type === 'TXT' && Object.hasOwn(records, name)) {
            return [[records[name]]];
        }
        throw Object.assign(new Error(`no ${type} record at ${name}`), { code: 'ENOTFOUND' });
    };
}

async function verify(source, records) {
    const { results } = await dkimVerify(source, { resolver: resolver(records) });
    return results.map(({ algo, status }) => ({ algorithm: algo, result: status.result, comment: status.comment }));
}

const addresses = field => (field ? [field].flat().flatMap(each => each.value) : []);

// mailparser decodes only the headers that it knows.
const decoded = headers =>
    [...headers].filter(([, value]) => typeof value === 'string').map(([name, value]) => [name, libmime.decodeWords(value)]);

async function parse(source) {
    const mail = await simpleParser(source, {
        skipHtmlToText: true,
        skipTextToHtml: true,
        skipTextLinks: true,
        skipImageLinks: true
    });
    return {
        subject: mail.subject,
        from: addresses(mail.from),
        to: addresses(mail.to),
        cc: addresses(mail.cc),
        reply_to: addresses(mail.replyTo),
        message_id: mail.messageId,
        date: mail.date,
        text: mail.text,
        html: mail.html,
        values: Object.fromEntries(decoded(mail.headers)),
        files: mail.attachments.map(file => ({
            name: file.filename,
            type: file.contentType,
            content_id: file.cid,
            disposition: file.contentDisposition,
            related: file.related,
            data: file.content.toString('base64')
        }))
    };
}

async function answer(line) {
    const request = JSON.parse(line);
    const source = Buffer.from(request.mail, 'base64');
    return { signatures: await verify(source, request.records), mail: await parse(source) };
}

(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const result = await answer(line).catch(error => ({ error: error.stack }));
        process.stdout.write(JSON.stringify(result) + '\n');
    }
})();
